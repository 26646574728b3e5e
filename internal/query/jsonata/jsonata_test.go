package jsonata

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// absent stands in for the reference implementation.
type absent struct{}

var errAbsent = errors.New("left to the reference")

func (absent) Compile(string) (query.Query, error) { return nil, errAbsent }

func parseJSON(t testing.TB, text string) query.Value {
	t.Helper()
	v, err := query.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// outcome is the result as JSON, undefined, or "reference".
func outcome(expr string, data query.Value) string {
	q, err := New(absent{}).Compile(expr)
	if err != nil {
		return "reference"
	}
	v, err := q.Eval(context.Background(), data)
	switch {
	case err != nil:
		return "reference"
	case undefined(v):
		return "undefined"
	}
	return query.JSON(v)
}

func TestEval(t *testing.T) {
	data := parseJSON(t, `{"req":{"headers":{"host":"A.example.com","user-agent":"curl","é":"É"}},"n":5,"t":true,"f":false,"z":null,"s":"",
		"list":[1],"none":[],"odd":{"_jsonata_lambda":true,"x":"y"},"null":"n","and":"a"}`)
	for _, tt := range []struct{ expr, want string }{
		{`req.headers.host`, `"A.example.com"`},
		{" req\n.\theaders . `user-agent` ", `"curl"`},
		{`req.headers.user-agent`, "reference"}, // a subtraction
		{`req.nothing.there`, "undefined"},
		{`n.x`, "undefined"},
		{`z`, "null"},
		{`req`, "reference"},
		{`list`, "reference"},
		{`list.x`, "reference"},
		{`none`, "reference"},
		{`odd.x`, "reference"},
		{`$lowercase(req.headers.host)`, `"a.example.com"`},
		{`$uppercase(req.headers.host) = "A.EXAMPLE.COM"`, "true"},
		{"$lowercase(req.headers.`é`)", "reference"},
		{`$lowercase(n)`, "reference"},
		{`$lowercase(nothing)`, "undefined"},
		{`$lowercase()`, "reference"},
		{`$lowercase("A", "B")`, "reference"},
		{`$contains(req.headers.host, 'example') and $not(f)`, "true"},
		{`$contains(req.headers.host)`, "reference"},
		{`$contains(nothing, "x")`, "undefined"},
		{`$contains("x", nothing)`, "reference"},
		{`$exists(req.headers.host) = t`, "true"},
		{`$exists(nothing)`, "false"},
		{`$not(nothing)`, "undefined"},
		{`nothing = nothing`, "false"},
		{`nothing != 1`, "false"},
		{`z = null`, "true"},
		{`n = 5 and n != "5"`, "true"},
		{`n = 05`, "reference"},
		{`f or s or z or nothing`, "false"},
		{`f or n`, "true"},
		{`t or list`, "true"},
		{`f or t and f`, "false"},
		{`"a" & nothing & 'b' & s`, `"ab"`},
		{`"a" & n`, "reference"},
		{`("a" & "b") = "ab"`, "true"},
		{`("a").b`, "reference"},
		{`"a".b`, "reference"},
		{`"\u0061"`, "reference"},
		{`a.and`, "reference"},
		{`and`, "reference"},
		{`null.x`, "reference"},
		{`$$`, "reference"},
		{`$`, "reference"},
		{`*`, "reference"},
		{`req.*`, "reference"},
		{`req.headers[0]`, "reference"},
		{`a ? b : c`, "reference"},
		{`a /* comment */`, "reference"},
		{`n > 4`, "reference"},
		{`n in list`, "reference"},
		{`$lowercase := 1`, "reference"},
		{`$sum(list)`, "reference"},
		{`function($x){$x}`, "reference"},
		{`a b`, "reference"},
		{"\"\xff\"", "reference"},
		{"`\xff`", "reference"},
		{`"a`, "reference"},
		{``, "reference"},
		{strings.Repeat("(", 200) + "n" + strings.Repeat(")", 200), "reference"},
		{strings.Repeat("s & ", 2000) + "s", "reference"},
	} {
		if got := outcome(tt.expr, data); got != tt.want {
			t.Errorf("%s = %s, want %s", tt.expr, got, tt.want)
		}
	}
	if got := outcome(`a & a`, parseJSON(t, `{"a":"`+strings.Repeat("x", 40<<10)+`"}`)); got != "reference" {
		t.Errorf("a long text = %.20s…, want it left to the reference", got)
	}
}

// Whatever is evaluated here agrees with what the npm package answers under node.
func TestRecorded(t *testing.T) {
	text, err := os.ReadFile("../sandbox/testdata/jsonata.json")
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
	data := parseJSON(t, string(table.Data))
	native := 0
	for _, c := range table.Cases {
		got := outcome(c.Expr, data)
		if got == "reference" {
			continue
		}
		native++
		want := "undefined"
		if c.Result != nil {
			want = query.JSON(parseJSON(t, string(c.Result)))
		}
		if c.Err != "" || got != want {
			t.Errorf("%s = %s, want %s%s", c.Expr, got, want, c.Err)
		}
	}
	if native < 10 {
		t.Errorf("%d of %d expressions evaluated here, want some", native, len(table.Cases))
	}
}

func BenchmarkEval(b *testing.B) {
	data := parseJSON(b, `{"req":{"headers":{"host":"app.example.com"}}}`)
	q, err := New(absent{}).Compile(`$lowercase(req.headers.host) = "app.example.com"`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := q.Eval(b.Context(), data); v != true {
			b.Fatal(v, err)
		}
	}
}
