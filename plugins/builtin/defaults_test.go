package builtin

import (
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// What external-auth-server adds to the entries of its plugins, plugin by plugin, in the order in which it adds it.
func TestComplete(t *testing.T) {
	registry := Registry()
	for _, tt := range []struct{ name, kind, in, want string }{
		{"jwt", "jwt", `{"type":"jwt","config":{"secret":"s"}}`, `{"type":"jwt","config":{"secret":"s"},"oidc":{"enabled":false,"features":{}},"assertions":{}}`},
		{"jwt with all of it", "jwt", `{"oidc":{"enabled":true,"features":{"a":1}},"assertions":{"id_token":[]}}`, `{"oidc":{"enabled":true,"features":{"a":1}},"assertions":{"id_token":[]}}`},
		{"jwt with null", "jwt", `{"oidc":null,"assertions":false}`, `{"oidc":{"enabled":false,"features":{}},"assertions":{}}`},
		{"jwt with something else", "jwt", `{"oidc":true}`, `{"oidc":true,"assertions":{}}`},
		{"ldap", "ldap", `{"type":"ldap","connection":{"url":"ldap://a","timeout":1,"reconnect":false}}`,
			`{"type":"ldap","connection":{"url":"ldap://a","timeout":1,"reconnect":true,"cache":true,"connectTimeout":10000,"idleTimeout":10000},"session_cache_ttl":900,"assertions":{}}`},
		{"ldap without a connection", "ldap", `{"session_cache_ttl":0}`, `{"session_cache_ttl":0,"assertions":{}}`},
		{"firebase_jwt", "firebase_jwt", `{"config":{"project_id":"p","options":{"issuer":"x"}}}`,
			`{"config":{"project_id":"p","options":{"issuer":"https://securetoken.google.com/p","audience":"p"},"features":{}}}`},
		{"noop", "noop", `{}`, `{}`},
		{"htpasswd", "htpasswd", `{}`, `{}`},
		{"forward", "forward", `{"url":"x"}`, `{"url":"x"}`},
	} {
		v, err := query.ParseJSON([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		registry[tt.kind].Complete(v.(*query.Object))
		if got := query.JSON(v); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
