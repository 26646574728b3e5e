// Package querytest checks objects that are built as far as somebody looks, and what engines return.
package querytest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/query"
)

// Lazy checks that the objects which build makes, and those within them, are the same whether they are looked at as a
// whole or member by member. Strangers are keys to look for that may not be there.
func Lazy(t testing.TB, build func() *query.Object, strangers ...string) {
	t.Helper()
	whole, piece := build(), build()
	text := query.JSON(whole)
	same(t, whole, piece, strangers)
	if got := query.JSON(piece); got != text {
		t.Errorf("looked at member by member, then as a whole: %s, want %s", got, text)
	}
}

func same(t testing.TB, whole, piece *query.Object, strangers []string) {
	t.Helper()
	for i := range whole.Len() {
		key, want := whole.At(i)
		got, ok := piece.Get(key)
		o, isObject := got.(*query.Object)
		if w, both := want.(*query.Object); both && isObject {
			same(t, w, o, strangers)
		}
		if !ok || query.JSON(got) != query.JSON(want) {
			t.Errorf("%q: %v, %v, want %v", key, query.JSON(got), ok, query.JSON(want))
		}
	}
	for _, key := range strangers {
		_, want := whole.Get(key)
		if _, ok := piece.Get(key); ok != want {
			t.Errorf("%q is there: %v, want %v", key, ok, want)
		}
	}
}

// Value checks what came out of an engine: that it is one of the types at [query.Value] all through, and that its JSON
// parses back to the same. JSON knows no NaN, no infinities, no -0 and nothing undefined.
func Value(t testing.TB, what string, v any) {
	t.Helper()
	if err := check(v); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if _, nothing := v.(query.Undefined); nothing {
		return
	}
	text, err := query.AppendJSON(nil, v)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	back, err := query.Parse(text, true)
	if err != nil || !equal(v, back) {
		t.Errorf("%s: %s parses as %s, %v", what, text, query.JSON(back), err)
	}
}

func check(v any) error {
	switch v := v.(type) {
	case nil, bool, float64, query.Undefined:
		return nil
	case query.Integer:
		if back, err := query.Parse([]byte(v), true); err != nil || back != any(v) {
			return fmt.Errorf("%q is no canonical integer beyond 2^53", string(v))
		}
		return nil
	case string:
		if !utf8.ValidString(v) {
			return fmt.Errorf("%q is not UTF-8", v)
		}
		return nil
	case []any:
		for _, e := range v {
			if err := check(e); err != nil {
				return err
			}
		}
		return nil
	case *query.Object:
		for i := range v.Len() {
			key, e := v.At(i)
			if err := errors.Join(check(key), check(e)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("a %T is no query.Value", v)
}

// equal compares a value with what its JSON was parsed as.
func equal(v, back any) bool {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return back == nil
		}
		if i, ok := back.(query.Integer); ok { // a float64 has all its digits in JSON below 1e21
			return i.Float() == v
		}
		return back == any(v)
	case query.Undefined:
		return back == nil
	case []any:
		list, ok := back.([]any)
		return ok && len(list) == len(v) && !slices.ContainsFunc(v, func(e any) bool {
			own := list[0]
			list = list[1:]
			return !equal(e, own)
		})
	case *query.Object:
		o, ok := back.(*query.Object)
		n := 0
		for i := range v.Len() {
			key, e := v.At(i)
			if _, vanishes := e.(query.Undefined); vanishes {
				continue
			}
			if !ok || n >= o.Len() {
				return false
			}
			name, member := o.At(n)
			n++
			if name != key || !equal(e, member) {
				return false
			}
		}
		return ok && n == o.Len()
	}
	return v == back
}
