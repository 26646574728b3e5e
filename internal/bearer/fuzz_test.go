package bearer

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

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
