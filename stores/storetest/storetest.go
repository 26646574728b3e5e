// Package storetest is the contract suite that every store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/easgate/easgate/stores"
)

// Run checks the store that open makes of the given tokens against the contract of [stores.Store].
// open closes it when t ends.
func Run(t *testing.T, open func(t *testing.T, tokens map[string]string) stores.Store) {
	t.Helper()
	lookup := func(t *testing.T, s stores.Store, id string) (string, bool) {
		t.Helper()
		sealed, ok, err := s.Lookup(t.Context(), id)
		if err != nil {
			t.Fatalf("Lookup(%.40q): %v", id, err)
		}
		if !ok && sealed != "" {
			t.Errorf("Lookup(%.40q) = %q, false: text of an unknown id", id, sealed)
		}
		return sealed, ok
	}
	want := func(t *testing.T, s stores.Store, id, want string) {
		t.Helper()
		if got, ok := lookup(t, s, id); got != want || !ok {
			t.Errorf("Lookup(%.40q) = %.60q, %v, want %.60q", id, got, ok, want)
		}
	}
	absent := func(t *testing.T, s stores.Store, id string) {
		t.Helper()
		if got, ok := lookup(t, s, id); ok {
			t.Errorf("Lookup(%.40q) = %.60q, want none", id, got)
		}
	}

	// The text is opened by its bytes: one that was changed opens nothing.
	t.Run("text comes back as it was", func(t *testing.T) {
		long := strings.Repeat("aB9+/-_=", 8000) // tokens with certificates inside reach 64 KB
		s := open(t, map[string]string{"1": "tsUdAn/pNXvl58Uo+n2IzBS==", "long": long})
		want(t, s, "1", "tsUdAn/pNXvl58Uo+n2IzBS==")
		want(t, s, "long", long)
	})

	// Callers tell "unknown" (deny, quietly) from "the store is down" (deny, and tell the operator) by the error alone.
	t.Run("an unknown id is no error", func(t *testing.T) {
		s := open(t, map[string]string{"a": "A"})
		absent(t, s, "b")
		absent(t, s, "")
		absent(t, open(t, map[string]string{}), "a")
	})

	// A store that lower-cases ids lets "Admin" open what was sealed for "admin".
	t.Run("ids are case-sensitive", func(t *testing.T) {
		s := open(t, map[string]string{"admin": "A", "straße": "S"})
		absent(t, s, "Admin")
		absent(t, s, "ADMIN")
		absent(t, s, "STRASSE")
		absent(t, s, "strasse")
		both := open(t, map[string]string{"x": "lower", "X": "upper"})
		want(t, both, "x", "lower")
		want(t, both, "X", "upper")
	})

	// SQL pads: CHAR columns and most collations take "admin " for "admin".
	t.Run("white space counts", func(t *testing.T) {
		s := open(t, map[string]string{"admin": "A"})
		for _, id := range []string{"admin ", " admin", "admin  ", "admin\t", "admin\n", "admin\u00a0"} {
			absent(t, s, id)
		}
	})

	// Collations also take letters for each other: é for e, fullwidth for plain, composed for decomposed.
	t.Run("letters that look alike differ", func(t *testing.T) {
		s := open(t, map[string]string{"cafe": "A", "\u00e9": "B"})
		for _, id := range []string{"café", "ｃａｆｅ", "e\u0301", "е"} {
			absent(t, s, id)
		}
	})

	// MySQL compares numbers with text by its leading digits, PostgreSQL refuses: neither is an answer.
	t.Run("ids are no numbers", func(t *testing.T) {
		s := open(t, map[string]string{"1": "one"})
		for _, id := range []string{"01", "1.0", "1abc", "+1", "1e0", "true"} {
			absent(t, s, id)
		}
	})

	// Ids come from URLs and headers: a host, a path, somebody's wildcard.
	t.Run("ids mean nothing", func(t *testing.T) {
		s := open(t, map[string]string{"a": "A", "/x": "path", "app.example.com:8443": "host", "日本": "J", "__proto__": "P"})
		want(t, s, "/x", "path")
		want(t, s, "app.example.com:8443", "host")
		want(t, s, "日本", "J")
		want(t, s, "__proto__", "P")
		for _, id := range []string{"%", "_", "*", "a%", "?", "$1", "a' OR '1'='1", `a" OR "1"="1`, `\`, "a;--", "../a",
			"constructor", "toString"} {
			absent(t, s, id)
		}
	})

	// What no database stores as text must not look like a database that is down: anybody could turn it on.
	t.Run("no id is an error", func(t *testing.T) {
		s := open(t, map[string]string{"a": "A"})
		for _, id := range []string{"a\x00", "\x00", "\xff\xfe", "a\xc3", strings.Repeat("a", 64<<10), "😀"} {
			absent(t, s, id)
		}
		want(t, s, "a", "A")
	})

	t.Run("many at once", func(t *testing.T) {
		tokens := map[string]string{}
		for i := range 50 {
			tokens[fmt.Sprint("id", i)] = fmt.Sprint("token", i)
		}
		s := open(t, tokens)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				id := fmt.Sprint("id", i%60)
				got, ok, err := s.Lookup(t.Context(), id)
				if w, known := tokens[id]; err != nil || ok != known || got != w {
					t.Errorf("Lookup(%s) = %q, %v, %v, want %q", id, got, ok, err, w)
				}
			})
		}
		wg.Wait()
	})

	// A client that leaves must not be taken for a database that is down, nor its answer for an unknown id.
	t.Run("a caller who has left", func(t *testing.T) {
		s := open(t, map[string]string{"a": "A"})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok, err := s.Lookup(ctx, "a"); !ok && !errors.Is(err, context.Canceled) {
			t.Errorf("Lookup = %v, %v, want the token or context.Canceled", ok, err)
		}
		want(t, s, "a", "A")
	})

	t.Run("ready", func(t *testing.T) {
		s := open(t, map[string]string{"a": "A"})
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("Ready = %v", err)
		}
	})
}
