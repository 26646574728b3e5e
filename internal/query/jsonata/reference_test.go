//go:build integration

package jsonata_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonata"
	"github.com/easgate/easgate/internal/query/sandbox"
)

// counting counts what is left to the reference.
type counting struct {
	query.Engine
	left *int
}

func (c counting) Compile(expr string) (query.Query, error) {
	*c.left++
	return c.Engine.Compile(expr)
}

func same(t *testing.T, native, reference query.Engine, expr string, data query.Value) {
	t.Helper()
	answer := func(e query.Engine) string {
		q, err := e.Compile(expr)
		if err != nil {
			return "error: " + err.Error()
		}
		v, err := q.Eval(context.Background(), data)
		if err != nil {
			return "error: " + err.Error()
		}
		if _, none := v.(query.Undefined); none {
			return "undefined"
		}
		return query.JSON(v)
	}
	if got, want := answer(native), answer(reference); got != want {
		t.Errorf("%q on %s = %s, the reference says %s", expr, query.JSON(data), got, want)
	}
}

func reference(t testing.TB) query.Engine {
	s := sandbox.New(sandbox.Options{Limits: sandbox.Limits{Time: 10 * time.Second}})
	t.Cleanup(s.Close)
	return s.JSONata()
}

// A writer makes expressions and data at random, most of them such as are evaluated natively.
type writer struct{ *rand.Rand }

func (w writer) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w writer) name() string { return w.pick("a", "b", "c", "`a`", "`x-y`", "d") }

func (w writer) expr(depth int) string {
	if depth == 0 || w.IntN(4) == 0 {
		switch w.IntN(6) {
		case 0:
			return w.pick(`"a"`, `'B'`, `""`, `"x y"`, "1", "0", "5", "true", "false", "null", "'\xff'", `"1"`, `"\n"`, "nothing")
		case 1:
			return w.name()
		}
		return w.name() + "." + w.name() + w.pick("", "", " . "+w.name(), "[0]")
	}
	switch w.IntN(9) {
	case 0:
		return "(" + w.expr(depth-1) + ")"
	case 1, 2:
		return w.expr(depth-1) + w.pick(" = ", "!=", "=") + w.expr(depth-1)
	case 3, 4:
		return w.expr(depth-1) + w.pick(" and ", " or ", "\tor\n") + w.expr(depth-1)
	case 5:
		return w.expr(depth-1) + w.pick(" & ", "&", "&", " + ", " in ", "<", ".", " ") + w.expr(depth-1)
	case 6:
		return "$contains(" + w.expr(depth-1) + ", " + w.expr(depth-1) + ")"
	}
	return w.pick("$lowercase", "$uppercase ", "$exists", "$not", "$not", "$string") + "(" + w.expr(depth-1) + w.pick("", "", "", "", ".a", ",1") + ")"
}

func (w writer) value(depth int) query.Value {
	if depth > 0 && w.IntN(3) > 0 {
		o := query.NewObject(4)
		for _, key := range []string{"a", "b", "c", "x-y"} {
			if w.IntN(4) > 0 {
				o.Set(key, w.value(depth-1))
			}
		}
		if w.IntN(20) == 0 {
			o.Set(w.pick("_jsonata_lambda", "_jsonata_function"), true)
		}
		return o
	}
	switch w.IntN(12) {
	case 0:
		return nil
	case 1:
		return w.IntN(2) == 0
	case 2, 3:
		return float64(w.IntN(3))
	case 4:
		list := make([]any, w.IntN(3))
		for i := range list {
			list[i] = w.value(max(0, depth-1))
		}
		return list
	case 5:
		return w.pick("É", "ß", "İ", "\u2028")
	}
	return w.pick("a", "B", "", "x y", "1", "aB", "true")
}

func TestAgreesWithReference(t *testing.T) {
	ref := reference(t)
	left := 0
	native := jsonata.New(counting{ref, &left})
	const n = 4000
	w := writer{rand.New(rand.NewPCG(1, 2))}
	for range n {
		same(t, native, ref, w.expr(1+w.IntN(3)), w.value(3))
	}
	if left < n/10 || left > n*7/10 {
		t.Errorf("%d of %d expressions left to the reference, want both kinds", left, n)
	}
}

func FuzzAgreesWithReference(f *testing.F) {
	ref := reference(f)
	native := jsonata.New(ref)
	f.Add(`$lowercase(req.headers.host) = "a"`, `{"req":{"headers":{"host":"A"}}}`)
	f.Add("a and b.c != 'x' or $not($exists(`d-e`))", `{"a":1,"b":{"c":null}}`)
	f.Add("`\xff` & \"\xff\"", `{"\ufffd":"\ufffd"}`)
	f.Add(`"x" & a & $uppercase(b)`, `{"a":[],"b":{"_jsonata_lambda":true}}`)
	f.Fuzz(func(t *testing.T, expr, data string) {
		v, err := query.ParseJSON([]byte(data))
		if err != nil || strings.ContainsAny(expr, "~λ") || strings.Contains(expr, "$now") || strings.Contains(expr, "$millis") || strings.Contains(expr, "$random") {
			return
		}
		same(t, native, ref, expr, v)
	})
}
