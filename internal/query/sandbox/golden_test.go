//go:build integration

package sandbox

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// unhurried is for tests that are not about limits: this machine may be busy with other things.
func unhurried(t testing.TB) *Sandbox {
	t.Helper()
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	t.Cleanup(s.Close)
	return s
}

func readValue(t testing.TB, file string) query.Value {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := query.ParseJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// The outputs of the npm packages under node.
func TestReferenceOutputs(t *testing.T) {
	s := unhurried(t)
	for _, lang := range []struct {
		name, data, cases string
		engine            query.Engine
	}{
		{"jsonpath", "testdata/jsonpath-data.json", "testdata/jsonpath-npm-1.1.1.json", s.JSONPath()},
		{"handlebars", "testdata/handlebars-data.json", "testdata/handlebars-npm.json", s.Handlebars()},
	} {
		t.Run(lang.name, func(t *testing.T) {
			data := readValue(t, lang.data)
			text, err := os.ReadFile(lang.cases)
			if err != nil {
				t.Fatal(err)
			}
			var cases []struct {
				Expr     string          `json:"e"`
				Template string          `json:"t"`
				Result   json.RawMessage `json:"r"`
				Err      string          `json:"err"`
			}
			if err := json.Unmarshal(text, &cases); err != nil {
				t.Fatal(err)
			}
			if len(cases) < 30 {
				t.Fatalf("%s: %d cases, want all of them", lang.cases, len(cases))
			}
			for _, c := range cases {
				expr := c.Expr + c.Template
				got, err := evaluate(lang.engine, expr, data)
				if c.Err != "" {
					if err == nil {
						t.Errorf("%s = %s, want error %q", expr, query.JSON(got), c.Err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", expr, err)
					continue
				}
				want, err := query.ParseJSON(c.Result)
				if err != nil {
					t.Fatal(err)
				}
				if query.JSON(got) != query.JSON(want) {
					t.Errorf("%s = %s, want %s", expr, query.JSON(got), query.JSON(want))
				}
			}
		})
	}
}
