//go:build integration

package builtin

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
)

// How external-auth-server decided rules in each of the languages: plugin 0 answers 418; plugin 1 is skipped when
// its rules hold, answers 200 when they do not, and leaves the 418 when they cannot be evaluated.
func TestRulesOfEAS(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/corpus/eas-corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		Cases []struct {
			ID, Group, Note string
			Token           json.RawMessage `json:"config_token_plain"`
			Expect          struct{ Status int }
		}
	}
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	token, _, done := Engines(Options{Token: generous, AllowEval: true, NoURLQueries: true})
	defer done()
	outcomes := map[int]string{503: "holds", 200: "does not hold", 418: "fails"}
	const skipOf = `$.eas.plugins[1].pcb.skip`
	tried := 0
	for _, c := range corpus.Cases {
		if c.Group != "pcb" {
			continue
		}
		config, err := query.ParseJSON(c.Token)
		if err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		q, err := token.Compile("jp", skipOf)
		if err != nil {
			t.Fatal(err)
		}
		found, err := q.Eval(context.Background(), config)
		if err != nil {
			t.Fatal(err)
		}
		list, ok := found.([]any)
		if !ok || len(list) != 1 {
			continue
		}
		tried++
		rules, err := assertion.Compile([]byte(query.JSON(list[0])), token, false)
		if err != nil {
			t.Errorf("%s %s: %v", c.ID, c.Note, err)
			continue
		}
		data, err := query.ParseJSON([]byte(`{"req":{"headers":{},"cookies":{"sess":"abc"}},"parentReqInfo":{"uri":"https://app.example.com/a/b?x=1&y=two","method":"GET",` +
			`"parsedUri":{"host":"app.example.com","path":"/a/b"},"parsedQuery":{"x":"1","y":"two"}},"configToken":` + string(c.Token) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		holds, _, err := rules.Eval(context.Background(), data)
		got := "does not hold"
		switch {
		case err != nil:
			got = "fails"
		case holds:
			got = "holds"
		}
		if want := outcomes[c.Expect.Status]; got != want {
			t.Errorf("%s %s: %s (%v), want %s\n%s", c.ID, c.Note, got, err, want, query.JSON(list[0]))
		}
	}
	if tried < 270 {
		t.Errorf("%d cases tried, want all of them", tried)
	}
}
