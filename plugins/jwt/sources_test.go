package jwt_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// A token may be in a header, a cookie or a parameter. ATTACKS 87: where it was in the URL, no answer repeats it.
func TestSources(t *testing.T) {
	k, other := newKey(t, jose.ES256, "k1"), newKey(t, jose.ES256, "k1")
	p := build(t, `{"config":{"secret":`+k.set()+`,"options":{"algorithms":"ES256","issuer":"https://iss"}},
		"sources":[{"header":"Authorization","scheme":"Bearer"},{"cookie":"CF_Authorization"},{"query":"access_token"}]}`, plugintest.Env(t))
	good, bad := k.sign(t, claims), other.sign(t, claims)
	const url = "https://app.example.com/x"
	for _, tt := range []struct {
		name   string
		in     plugintest.Request
		want   int
		reason string
	}{
		{"header", plugintest.Request{URL: url, Header: http.Header{"Authorization": {"Bearer   " + good}}}, 200, ""},
		{"cookie", plugintest.Request{URL: url, Header: http.Header{"Cookie": {"a=b; CF_Authorization=" + good}}}, 200, ""},
		{"parameter", plugintest.Request{URL: url + "?a=b&access_token=" + good}, 200, ""},
		{"the first counts, not the one that is right", plugintest.Request{URL: url + "?access_token=" + good, Header: http.Header{"Cookie": {"CF_Authorization=" + bad}}}, 401,
			`in the cookie CF_Authorization: a cookie of another site?`},
		{"a bad parameter", plugintest.Request{URL: url + "?access_token=" + bad}, 401, "in the query parameter access_token"},
		{"twice", plugintest.Request{URL: url + "?access_token=" + good + "&access_token=" + good}, 401, "in the query parameter access_token"},
		{"none", plugintest.Request{URL: url + "?token=" + good}, 401, "no token: none in header Authorization (bearer), cookie CF_Authorization, query parameter access_token"},
	} {
		res, err := p.Verify(t.Context(), tt.in.Build())
		if err != nil || res.StatusCode() != tt.want || !strings.Contains(res.Reason, tt.reason) {
			t.Errorf("%s: Verify = %d %s, %v, want %d %s", tt.name, res.StatusCode(), res.Reason, err, tt.want, tt.reason)
		}
		if res.Verdict == plugins.Allow {
			continue
		}
		challenge := res.Header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, `Bearer realm="`+url+`"`) {
			t.Errorf("%s: challenge %s", tt.name, challenge)
		}
		for _, token := range []string{good, bad} {
			if text := challenge + res.Reason; strings.Contains(text, token[:20]) {
				t.Errorf("%s: the answer repeats the token: %s", tt.name, text)
			}
		}
	}
}
