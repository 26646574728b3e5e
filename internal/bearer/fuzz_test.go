package bearer

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/easgate/easgate/plugins"
)

// Whatever a client writes into headers, cookies and URLs: no panic, and the token is a part of what it wrote.
func FuzzSources(f *testing.F) {
	f.Add("Bearer a.b.c", "a=1; CF_Authorization=\"x\"", "access_token=a%2eb&access%5Ftoken=c")
	f.Add("bearer", "CF_Authorization", "access_token")
	f.Fuzz(func(t *testing.T, authorization, cookies, query string) {
		for _, sources := range []string{`[{"header":"Authorization"}]`, `[{"cookie":"CF_Authorization"}]`, `[{"query":"access_token"}]`} {
			c, err := carrier(t, sources)
			if err != nil {
				t.Fatal(err)
			}
			r := &plugins.Request{Header: http.Header{"Authorization": {authorization}, "Cookie": {cookies}}, URL: &url.URL{RawQuery: query}}
			token, from, ok := c.Token(r)
			if ok && from.Query == "" && !strings.Contains(authorization+"\n"+cookies, token) {
				t.Errorf("Token of %q, %q = %q", authorization, cookies, token)
			}
			if all, err := url.ParseQuery(query); ok && err == nil && from.Query != "" && len(all["access_token"]) == 1 && all.Get("access_token") != token {
				t.Errorf("Token of %q = %q, want %q", query, token, all.Get("access_token"))
			}
		}
	})
}

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
