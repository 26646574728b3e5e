package jwt_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

func TestContract(t *testing.T) {
	raw, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t, jose.ES256, "k1")
	env := func(t testing.TB) plugins.Env {
		e := plugintest.Env(t)
		e.Query = engines()
		e.HTTP = client(map[string]string{"https://login.example.com/jwks.json": key.set(), "https://login.example.com/oauth2/introspect": `{"active":true}`,
			"https://login.example.com/oauth2/userinfo": `{"sub":"alice"}`})
		return e
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(jwt.New),
		Config:  raw,
		Env:     env,
		Allowed: plugintest.Request{Header: http.Header{"Authorization": {"Bearer " + key.sign(t, map[string]any{
			"sub": "alice", "iss": "https://login.example.com/", "aud": "https://api.example.com", "iat": plugintest.Now.Unix(),
		})}}},
		Secrets: []string{"c3ntipede", "a-shared-secret", "YS1zaGFyZWQtc2VjcmV0"},
		BadConfigs: map[string]string{
			`{"config":{}}`:            "config.secret: required",
			`{"config":null}`:          "config.secret: required",
			`{"config":{"secret":""}}`: "config.secret: required",
			`{"config":{"secret":5}}`:  "config.secret: want text, a JWK set",
			`{"config":{"secret":"https://h/keys","options":{"audience":{"Regex":"/x/"}}}}`:                                                                                         "config.options.audience: want strings",
			`{"config":{"secret":{"keys":[]}}}`:                                                                                                                                     "config.secret: keys: no keys",
			`{"config":{"secret":{"keys":[{"kty":"oct","k":""}]}}}`:                                                                                                                 "config.secret: keys[0]",
			`{"config":{"secret":{"keys":[{"kty":"oct","k":"YS1zaGFyZWQtc2VjcmV0","use":"enc"}]}}}`:                                                                                 "config.secret: keys[0]: not for verifying",
			`{"config":{"secret":"https://"}}`:                                                                                                                                      "config.secret: want an http or https URL",
			`{"config":{"secret":"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----"}}`:                                                                                  "config.secret: looks like PEM",
			`{"config":{"secret":"a-shared-secret","options":{"algorithms":["none"]}}}`:                                                                                             "config.options.algorithms[0]: want one of HS256,",
			`{"config":{"secret":"a-shared-secret","options":{"algorithms":[]}}}`:                                                                                                   "config.options.algorithms: empty",
			`{"config":{"secret":"a-shared-secret","options":{"audience":null}}}`:                                                                                                   "config.options.audience: empty",
			`{"config":{"secret":"a-shared-secret","options":{"audience":""}}}`:                                                                                                     "config.options.audience: empty",
			`{"config":{"secret":"a-shared-secret","options":{"audience":{"regex":"(["}}}}`:                                                                                         "regex",
			`{"config":{"secret":"a-shared-secret","options":{"issuer":5}}}`:                                                                                                        "want a string",
			`{"config":{"secret":"a-shared-secret","options":{"nonce":" "}}}`:                                                                                                       "config.options.nonce",
			`{"config":{"secret":"a-shared-secret","options":{"maxAge":"zzz"}}}`:                                                                                                    "config.options.maxAge",
			`{"config":{"secret":"a-shared-secret","options":{"clockTolerance":-1}}}`:                                                                                               "config.options.clockTolerance",
			`{"config":{"secret":"a-shared-secret"},"header_name":"X Token"}`:                                                                                                       "header_name",
			`{"config":{"secret":"a-shared-secret"},"scheme":"a b"}`:                                                                                                                "scheme",
			`{"config":{"secret":{"text":"a-shared-secret","allow_short":true}},"assertions":{"id_token":5}}`:                                                                       "assertions.id_token",
			`{"config":{"secret":{"text":"a-shared-secret","allow_short":true}},"assertions":{"userinfo":[]}}`:                                                                      "assertions.userinfo: needs oidc.enabled",
			`{"config":{},"oidc":{"enabled":true}}`:                                                                                                                                 "oidc.issuer: required",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"jwks_uri":"x"}}}`:                                                                                                       "oidc.issuer.jwks_uri: want an http",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"discover_url":"ftp://x"}}}`:                                                                                             "oidc.issuer.discover_url",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"issuer":"x"},"features":{"introspect_access_token":true}}}`:                                                             "oidc.client.client_id: required",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"issuer":"x"},"client":{"client_id":"c"},"features":{"introspect_access_token":true}}}`:                                  "oidc.client.client_secret: want one, private_key or",
			`{"config":{"secret":"https://iss"},"tls":{"ca":"x"}}`:                                                                                                                  "tls.ca: want PEM",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"issuer":"x"},"client":{"client_id":"c","token_endpoint_auth_method":"x"},"features":{"introspect_access_token":true}}}`: "oidc.client.token_endpoint_auth_method: want one of",
			`{"config":{},"oidc":{"enabled":true,"issuer":{"issuer":"x"},"features":{"userinfo_expiry":"x"}}}`:                                                                      "want seconds",
		},
	})
}
