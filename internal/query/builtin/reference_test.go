//go:build integration

package builtin

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// The native engines and what they fall back to agree with the npm packages together, for tokens and for strangers.
func TestReferenceOutputs(t *testing.T) {
	token, url, done := Engines(Options{Token: generous, URL: generous})
	defer done()
	for _, lang := range []struct{ engine, data, cases string }{
		{"jp", "jsonpath-data.json", "jsonpath-npm-1.1.1.json"},
		{"handlebars", "handlebars-data.json", "handlebars-npm.json"},
	} {
		data, err := query.ParseJSON(read(t, lang.data))
		if err != nil {
			t.Fatal(err)
		}
		var cases []struct {
			Expr     string          `json:"e"`
			Template string          `json:"t"`
			Result   json.RawMessage `json:"r"`
			Err      string          `json:"err"`
		}
		if err := json.Unmarshal(read(t, lang.cases), &cases); err != nil {
			t.Fatal(err)
		}
		if len(cases) < 30 {
			t.Fatalf("%s: %d cases, want all of them", lang.cases, len(cases))
		}
		for _, c := range cases {
			expr := c.Expr + c.Template
			for where, engines := range map[string]query.Engines{"token": token, "url": url} {
				got, err := eval(engines[lang.engine], expr, data)
				if (err != nil) != (c.Err != "") {
					t.Errorf("%s: %s: %v, want error %q", where, expr, err, c.Err)
				}
				if c.Err != "" || err != nil {
					continue
				}
				want, err := query.ParseJSON(c.Result)
				if err != nil {
					t.Fatal(err)
				}
				if query.JSON(got) != query.JSON(want) {
					t.Errorf("%s: %s = %s, want %s", where, expr, query.JSON(got), query.JSON(want))
				}
			}
		}
	}
}

func eval(e query.Engine, expr string, data query.Value) (query.Value, error) {
	q, err := e.Compile(expr)
	if err != nil {
		return nil, err
	}
	return q.Eval(context.Background(), data)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile("../sandbox/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
