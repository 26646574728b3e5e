package jsonpath

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// One value for each of what Compile must refuse by itself, so that no fallback is asked to parse it.
func TestCompileRefuses(t *testing.T) {
	for _, expr := range []string{
		"", "$[", "$.s.", "$.*~", "$.eas.custom.['s']", "$.eas.custom.dash-key", "$..[0:1]", "$..[(@.length-1)]", "$ .a", "$['a",
		"$['\\x']", "$[?(]", "$.a b", "(@.length-1)", "$.(@.length-1)]", "$[0,*]", "$[?(@.a),0]", "$[?(@.a)].", "$.é",
	} {
		asked := false
		_, err := New(engineFunc(func(string) (query.Query, error) { asked = true; return nil, nil })).Compile(expr)
		if err == nil || asked {
			t.Errorf("Compile(%q) = %v, fallback asked: %v; want an error without asking", expr, err, asked)
		}
	}
}

type engineFunc func(string) (query.Query, error)

func (f engineFunc) Compile(expr string) (query.Query, error) { return f(expr) }

func TestFallback(t *testing.T) {
	for _, expr := range []string{
		"$.emails[?(@.email.match(/x/))]", "$[(@.a)]", "$..['a','b']", "$[?(@.a=='\\u0041')]", "$[?()x)]", "$[?(@.a+1)]", "$[?(@.a==@.a)]", "$[99999999999:]",
		"$[?(" + strings.Repeat("!", 60) + "@)]",
	} {
		var got string
		_, err := New(engineFunc(func(s string) (query.Query, error) { got = s; return nil, nil })).Compile(expr)
		if err != nil || got != expr {
			t.Errorf("Compile(%q) = %v, fallback got %q", expr, err, got)
		}
	}
	_, err := New(nil).Compile("$.a[?(@.b.match(/x/))]")
	if err == nil || !strings.Contains(err.Error(), "filter expression (@.b.match(/x/))") {
		t.Errorf("Compile without fallback = %v, want the construct named", err)
	}
}

func TestEvalErrors(t *testing.T) {
	list := parseJSON(t, []byte(`{"l":[1,2],"s":"x"}`))
	for _, tt := range []struct {
		name, expr string
		data       query.Value
		want       error
	}{
		{"data must be an object or a list", "$.a", "text", errRoot},
		{"so must it for filters", "$[?(@)]", nil, errRoot},
		{"constructor is out of reach (ATTACKS 22)", "$.l.constructor", list, errFunction},
		{"in filters, too", "$[?(@.constructor)]", list, errFunction},
		{"and prototypes", "$.__proto__", list, errFunction},
		{"a step of zero", "$.l[::0]", list, errStep},
		{"an index out of a text", "$.s[(@.length-1)]", list, errScript},
	} {
		q, err := New(nil).Compile(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.Eval(context.Background(), tt.data); !errors.Is(err, tt.want) {
			t.Errorf("%s: %s = %v, %v, want %v", tt.name, tt.expr, got, err, tt.want)
		}
	}
}

// A client chooses how much there is to match: `$..*..*` over 64 KB of nesting would look at some 10⁸ values.
func TestWorkIsBounded(t *testing.T) {
	data := parseJSON(t, []byte(`{"a":[`+strings.Repeat(strings.Repeat("[", 200)+strings.Repeat("]", 200)+",", 150)+`1]}`))
	q, err := New(nil).Compile("$..*..*..*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Eval(context.Background(), data); !errors.Is(err, errWork) {
		t.Errorf("Eval = %v, want %v", err, errWork)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Eval(ctx, data); !errors.Is(err, context.Canceled) {
		t.Errorf("Eval after the client left = %v, want %v", err, context.Canceled)
	}
}

func TestEvalOne(t *testing.T) {
	data := parseJSON(t, []byte(`{"a":{"b":["x",null]}}`))
	for expr, want := range map[string]query.Value{
		"$.a.b[0]": "x", "$.a.b[1]": nil, "$.a['b'].length": 2.0, "$.a.b[2]": query.Undefined{}, "$.a.b[(@.length-2)]": "x",
	} {
		q, err := New(nil).Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		v, ok, err := q.(query.Single).EvalOne(context.Background(), data)
		_, none := want.(query.Undefined)
		if err != nil || ok == none || ok && v != want {
			t.Errorf("EvalOne(%s) = %v, %v, %v, want %v", expr, v, ok, err, want)
		}
	}
	if q, _ := New(nil).Compile("$.a.*"); q == nil {
		t.Error("a wildcard does not compile")
	} else if _, ok := q.(query.Single); ok {
		t.Error("a wildcard says that it finds one value at most")
	}
}

func FuzzEval(f *testing.F) {
	for _, r := range readRows(f, "testdata/reference.json") {
		f.Add(r.E, []byte(r.D))
	}
	f.Fuzz(func(t *testing.T, expr string, text []byte) {
		q, err := New(nil).Compile(expr)
		if err != nil {
			return
		}
		data, err := query.ParseJSON(text)
		if err != nil {
			return
		}
		got, err := q.Eval(context.Background(), data)
		if _, ok := got.([]any); ok != (err == nil) {
			t.Errorf("Eval(%q) = %T, %v", expr, got, err)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	text := []byte(`{"req":{"headers":{"host":"a","authorization":"Bearer abc"}},"groups":["a","b","c"],"emails":[{"email":"a","primary":true},{"email":"b"}]}`)
	data := parseJSON(b, text)
	for _, expr := range []string{"$.req.headers.authorization", "$.groups[*]", "$.emails[?(@.primary==true)].email", "$..email"} {
		q, err := New(nil).Compile(expr)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Eval(context.Background(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
