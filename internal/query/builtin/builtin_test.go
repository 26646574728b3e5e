package builtin

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// generous is for tests that are not about limits: the machine may be busy with other things.
var generous = Limits{Time: 10 * time.Second}

func names(e query.Engines) string { return strings.Join(slices.Sorted(maps.Keys(e)), " ") }

func TestLanguages(t *testing.T) {
	for _, c := range []struct {
		name       string
		in         Options
		token, url string
	}{
		{"default", Options{}, "handlebars jp jq jsonata", "handlebars jp jq jsonata"},
		{"eval", Options{AllowEval: true}, "handlebars jp jq js jsonata", "handlebars jp jq js jsonata"},
		{"no URL queries", Options{NoURLQueries: true, AllowEval: true}, "handlebars jp jq js jsonata", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, url, done := Engines(c.in)
			defer done()
			if names(token) != c.token || names(url) != c.url {
				t.Errorf("Engines = %q, %q, want %q, %q", names(token), names(url), c.token, c.url)
			}
			if all := slices.Sorted(maps.Keys(Languages())); c.in.AllowEval && names(token) != strings.Join(all, " ") {
				t.Errorf("Languages = %q, want %q", all, names(token))
			}
			if _, err := url.Compile("js", "return 1"); !strings.Contains(c.url, "js ") && !errors.Is(err, query.ErrUnknownEngine) {
				t.Errorf("js in a URL: %v, want %v", err, query.ErrUnknownEngine)
			}
		})
	}
}

// These work in a build without the JavaScript bundles.
func TestNative(t *testing.T) {
	token, url, done := Engines(Options{Token: generous, URL: generous, AllowEval: true})
	defer done()
	data, err := query.ParseJSON([]byte(`{"req":{"headers":{"x-tid":"enc"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ engine, expr, want string }{
		{"jp", `$.req.headers['x-tid']`, `["enc"]`},
		{"jq", `.req.headers["x-tid"]`, `"enc"`},
		{"handlebars", `t-{{req.headers.x-tid}}`, `"t-enc"`},
		{"js", `return data.req.headers["x-tid"]`, `"enc"`},
	} {
		for where, engines := range map[string]query.Engines{"token": token, "url": url} {
			q, err := engines.Compile(c.engine, c.expr)
			if err != nil {
				t.Errorf("%s: %s %s: %v", where, c.engine, c.expr, err)
				continue
			}
			got, err := q.Eval(context.Background(), data)
			if err != nil || query.JSON(got) != c.want {
				t.Errorf("%s: %s %s = %s, %v, want %s", where, c.engine, c.expr, query.JSON(got), err, c.want)
			}
		}
	}
}

// Strangers get less: a VM of their own, and subsets.
func TestStrangers(t *testing.T) {
	token, url, done := Engines(Options{Token: generous, AllowEval: true})
	defer done()
	for _, c := range []struct{ engine, expr string }{
		{"jq", `def f: 1; f`},
		{"jq", `[limit(3; repeat(1))] | length`},
		{"js", `return 1n`},
	} {
		if _, err := token.Compile(c.engine, c.expr); err != nil {
			t.Errorf("token: %s: %v", c.expr, err)
		}
		if _, err := url.Compile(c.engine, c.expr); err == nil {
			t.Errorf("url: %s: compiles", c.expr)
		}
	}
	q, err := url.Compile("js", `for (;;);`)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if got, err := q.Eval(context.Background(), nil); err == nil {
		t.Errorf("an endless loop = %v", got)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("an endless loop took %v, want 20 ms or so", took)
	}
}
