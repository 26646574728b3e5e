package jwt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
)

func TestLint(t *testing.T) {
	const algorithms, issuer, audience = "config.options.algorithms", "config.options.issuer", "config.options.audience"
	set := newKey(t, jose.ES256, "k1").set()
	for _, tt := range []struct {
		name, config string
		want         []string
	}{
		{"a key set's URL", `{"config":{"secret":"https://iss/jwks"}}`, []string{algorithms, issuer, audience}},
		{"a short URL is no short secret", `{"config":{"secret":"https://iss/jwks","options":{"algorithms":"RS256","issuer":"i","audience":"a"}}}`, nil},
		{"a key set", `{"config":{"secret":` + set + `,"options":{"algorithms":"RS256"}}}`, []string{issuer, audience}},
		{"the issuer's keys", `{"config":{"options":{"algorithms":"RS256","issuer":"i"}},"oidc":{"enabled":true,"issuer":{"discover_url":"https://iss"}}}`, []string{audience}},
		{"rules instead", `{"config":{"secret":"https://iss/jwks","options":{"algorithms":"RS256"}},
			"assertions":{"id_token":[{"query":"$.iss"},{"query":"$.client_id"}]}}`, nil},
		{"other rules", `{"config":{"secret":"https://iss/jwks","options":{"algorithms":"RS256"}},"assertions":{"id_token":[{"query":"$.groups"},{"query":"$.issue"}]}}`,
			[]string{issuer, audience}},
		{"a shared secret", `{"config":{"secret":"down the rabbit-hole, and into the pool of tears","options":{"algorithms":"HS256"}}}`, nil},
		{"a short one", `{"config":{"secret":{"text":"rabbit-hole","allow_short":true},"options":{"algorithms":"HS256"}}}`, []string{"config.secret.allow_short"}},
		{"for ever", `{"config":{"secret":{"text":"down the rabbit-hole, and into the pool of tears"},"options":{"algorithms":"HS256","ignoreExpiration":true}}}`,
			[]string{"config.options.ignoreExpiration"}},
		{"in clear", `{"config":{"secret":"http://iss.example.com/jwks","options":{"algorithms":"RS256","issuer":"i","audience":"a"}}}`, []string{"config.secret"}},
		{"in clear, to this machine", `{"config":{"secret":"http://127.0.0.1/jwks","options":{"algorithms":"RS256","issuer":"i","audience":"a"}}}`, nil},
		{"an issuer in clear", `{"config":{"options":{"algorithms":"RS256","issuer":"i","audience":"a"}},"oidc":{"enabled":true,"issuer":{"discover_url":"http://iss"}}}`,
			[]string{"oidc.issuer.discover_url"}},
		{"in the URL", `{"config":{"secret":"down the rabbit-hole, and into the pool of tears","options":{"algorithms":"HS256"}},"sources":[{"query":"t"}]}`,
			[]string{"sources[0].query"}},
	} {
		var got []string
		plugins.Of(jwt.New).Lint(json.RawMessage(tt.config), false, func(text string) {
			path, _, _ := strings.Cut(text, ": ")
			got = append(got, path)
		})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: Lint says %q, want %q", tt.name, got, tt.want)
		}
	}
}

// External-auth-server does not compare userinfo's sub: whoever moves from there hears of it.
func TestMigrate(t *testing.T) {
	for config, want := range map[string]int{
		`{"oidc":{"enabled":true,"features":{"fetch_userinfo":true}}}`: 1,
		`{"oidc":{"enabled":true}}`:                                    0,
	} {
		said := 0
		plugins.Of(jwt.New).Migrate(json.RawMessage(config), func(string) { said++ })
		if said != want {
			t.Errorf("Migrate(%s) says %d things, want %d", config, said, want)
		}
	}
}
