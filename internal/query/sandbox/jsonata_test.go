//go:build integration

package sandbox

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// The npm package has no tests in it. This table, over all its functions and operators, holds what the package
// answers under node; tools/jsbundle/reference.js writes it.
func TestJSONata(t *testing.T) {
	text, err := os.ReadFile("testdata/jsonata.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Data  json.RawMessage
		Cases []struct {
			Expr   string          `json:"e"`
			Result json.RawMessage `json:"r"` // nil for undefined
			Err    string          `json:"err"`
		}
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) < 300 {
		t.Fatalf("%d cases, want all of them", len(table.Cases))
	}
	data := parse(t, string(table.Data))
	e := unhurried(t).JSONata()
	for _, c := range table.Cases {
		got, err := evaluate(e, c.Expr, data)
		if c.Err != "" {
			if err == nil || !strings.Contains(err.Error(), c.Err) {
				t.Errorf("%s = %s, %v, want error %s", c.Expr, query.JSON(got), err, c.Err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v, want %s", c.Expr, err, c.Result)
			continue
		}
		want := ""
		if c.Result != nil {
			want = query.JSON(parse(t, string(c.Result)))
		}
		if query.JSON(got) != want {
			t.Errorf("%s = %s, want %s", c.Expr, query.JSON(got), want)
		}
	}
}
