// Package querytest checks objects that are built as far as somebody looks.
package querytest

import (
	"testing"

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
