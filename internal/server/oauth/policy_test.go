package oauth_test

import (
	"testing"

	"github.com/easgate/easgate/internal/server/oauth"
)

func TestParsePolicy(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name, text string
		configured *bool
		want       bool
	}{
		{"nothing", ``, nil, true},
		{"the token says no", ``, &no, false},
		{"forced off", `{"enabled":{"_fallback":{"forced":false}}}`, &yes, false},
		{"forced on", `{"enabled":{"_fallback":{"forced":true}}}`, &no, true},
		{"the issuer's counts first", `{"enabled":{"_fallback":{"forced":false},"issuers":{"i":{"forced":true}}}}`, nil, true},
		{"another issuer's does not", `{"enabled":{"_fallback":{"forced":false},"issuers":{"j":{"forced":true}}}}`, nil, false},
		{"default off", `{"enabled":{"_fallback":{"default":false}},"ttl":{"_fallback":{"default":60}}}`, nil, false},
		{"the token before the default", `{"enabled":{"_fallback":{"default":false}}}`, &yes, true},
		{"the issuer's default", `{"enabled":{"_fallback":{"default":false},"issuers":{"i":{"default":true}}}}`, nil, true},
	} {
		allowed, err := oauth.ParsePolicy(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := allowed("i", tt.configured); got != tt.want {
			t.Errorf("%s: allowed = %v, want %v", tt.name, got, tt.want)
		}
	}
	for _, text := range []string{"{", "[]", `{"enabled":true}`, `{"enabled":{"_fallback":{"forced":"yes"}}}`} {
		if _, err := oauth.ParsePolicy(text); err == nil {
			t.Errorf("ParsePolicy(%s) = nil, want an error", text)
		}
	}
}
