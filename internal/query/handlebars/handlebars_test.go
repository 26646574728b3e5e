package handlebars

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// A row of reference.json: what the npm package renders of template T with data D, or the error it throws.
type row struct {
	T   string
	D   json.RawMessage
	R   string
	Err string
}

func readRows(t testing.TB, file string) []row {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// check compares one row, and reports whether it was rendered here and not left to the fallback.
func check(t *testing.T, r row) bool {
	t.Helper()
	data, err := query.ParseJSON(r.D)
	if err != nil {
		t.Fatal(err)
	}
	q, err := New(nil).Compile(r.T)
	if err != nil {
		return false
	}
	got, err := q.Eval(context.Background(), data)
	switch {
	case (err != nil) != (r.Err != ""):
		t.Errorf("%q with %s = %v, %v, want %q %s", r.T, r.D, got, err, r.R, r.Err)
	case err == nil && got != r.R:
		t.Errorf("%q with %s = %q, want %q", r.T, r.D, got, r.R)
	}
	return true
}

func TestReference(t *testing.T) {
	file := "testdata/reference.json"
	if f := os.Getenv("HANDLEBARS_REFERENCE"); f != "" {
		file = f
	}
	native := 0
	rows := readRows(t, file)
	for _, r := range rows {
		if check(t, r) {
			native++
		}
	}
	t.Logf("%d of %d rendered here", native, len(rows))
	if native*3 < len(rows) {
		t.Errorf("only %d of %d templates are rendered here", native, len(rows))
	}
}

// Templates as people write them.
func TestUsual(t *testing.T) {
	data, err := os.ReadFile("testdata/usual.json")
	if err != nil {
		t.Fatal(err)
	}
	native := 0
	for _, r := range readRows(t, "testdata/usual-reference.json") {
		r.D = data
		if check(t, r) {
			native++
		}
	}
	if native < 18 {
		t.Errorf("only %d templates are rendered here", native)
	}
}

type engineFunc func(string) (query.Query, error)

func (f engineFunc) Compile(text string) (query.Query, error) { return f(text) }

func TestFallback(t *testing.T) {
	for _, text := range []string{
		"{{#if a}}x{{/if}}", "{{lookup a 'b'}}", "{{>p}}", "{{a", `\{{a}}`, "{{../a}}", "{{if}}", "{{else}}", "{{{a}}}{{{b}}}", "{{true}}",
	} {
		var got string
		if _, err := New(engineFunc(func(s string) (query.Query, error) { got = s; return nil, nil })).Compile(text); err != nil || got != text {
			t.Errorf("Compile(%q): fallback got %q, %v", text, got, err)
		}
		if _, err := New(nil).Compile(text); err == nil {
			t.Errorf("Compile(%q) without fallback has no error", text)
		}
	}
}

func FuzzEval(f *testing.F) {
	for _, r := range readRows(f, "testdata/reference.json") {
		f.Add(r.T, []byte(r.D))
	}
	f.Fuzz(func(t *testing.T, text string, doc []byte) {
		q, err := New(nil).Compile(text)
		if err != nil {
			return
		}
		data, err := query.ParseJSON(doc)
		if err != nil {
			return
		}
		got, err := q.Eval(context.Background(), data)
		if _, ok := got.(string); ok != (err == nil) {
			t.Errorf("Eval(%q) = %#v, %v", text, got, err)
		}
		if !strings.Contains(text, "{{") && got != text {
			t.Errorf("Eval(%q) = %q", text, got)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	data, err := query.ParseJSON([]byte(`{"req":{"headers":{"authorization":"Bearer a=b"}},"login":"travis"}`))
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{"{{login}}", "user {{login}}: {{{req.headers.authorization}}}"} {
		q, err := New(nil).Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Eval(context.Background(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
