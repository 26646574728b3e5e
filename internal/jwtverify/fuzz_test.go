package jwtverify

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

// What strangers write into tokens starts no line of its own in the log, and fills none.
func FuzzWhy(f *testing.F) {
	for _, token := range []string{"a.b.c", "opaque", "a.b.c.d.e", hs256(jwt, `{"iss":"x\ny","aud":["a"]}`) + "A", hs256(`{"alg":"\u202e","kid":"\u001b[31m"}`, `{"iss":5}`)} {
		f.Add(token)
	}
	v := newVerifier(f, `{"audience":"a","issuer":"i"}`, func() time.Time { return noon })
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(t.Context(), token)
		e, ok := err.(*Error)
		if !ok {
			return
		}
		const most = 16 * 4 * maxShown // escaped, and every value there is
		if len(e.Why) > most || strings.ContainsFunc(e.Why, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) }) {
			t.Errorf("Why of %q = %q", token, e.Why)
		}
	})
}
