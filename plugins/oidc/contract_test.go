package oidc_test

import (
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/server/oauth"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/oidc"
	"github.com/easgate/easgate/plugins/plugintest"
)

func TestContract(t *testing.T) {
	raw, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.Name, h.Secret, h.Claims = "https://login.example.com", "c3ntipede", map[string]any{"groups": []string{"staff"}}
	env := func(t testing.TB) plugins.Env {
		e := h.env(t)
		e.HTTP = h.Client("login.example.com")
		return e
	}
	p, unknown, err := plugins.Of(oidc.New).Build(raw, env(t))
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	attempts, err := oauthflow.NewAttempts(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	b := logintest.NewBrowser(t, p, h.Provider)
	b.Fixed = oauth.New(oauth.Config{Attempts: attempts, Log: slog.New(slog.DiscardHandler), Now: h.clock.Now, Timeout: time.Second})
	if res := b.Login("https://app.example.com/"); res.Verdict != plugins.Allow {
		t.Fatalf("login: %d %s", res.StatusCode(), res.Reason)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(oidc.New),
		Config:  raw,
		Env:     env,
		Allowed: plugintest.Request{Header: http.Header{"Cookie": {"_eas_oauth_session=" + b.Cookie("https://app.example.com/", "_eas_oauth_session")}}},
		Secrets: []string{"c3ntipede"},
		BadConfigs: map[string]string{
			`{}`: "issuer: required",
			`{"issuer":{"discover_url":"ftp://x"},"scopes":["openid"],"client":{"client_id":"c"}}`:                                                                       "issuer.discover_url: want an http",
			`{"issuer":{"token_endpoint":"x"},"scopes":["openid"],"client":{"client_id":"c"}}`:                                                                           "issuer.token_endpoint: want an http",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"]}`:                                                                                                "client.client_id: required",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"pkce":{"enabled":false}}`:                                            "client.client_secret: want one",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c","assertion_file":"x"}}`:                                                "client.assertion_file: want an absolute path",
			`{"issuer":{"discover_url":"https://i"},"scopes":["email"],"client":{"client_id":"c"}}`:                                                                      "scopes: want openid",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"redirect_uri":"https://a/oauth/callback-ua-client-code"}`:            "redirect_uri: codes are not exchanged by the browser",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"redirect_uri":"/x"}`:                                                 "redirect_uri: want an http",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"response_mode":"form_post"}`:                                         "response_mode: form_post needs redirect_uri",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"cookie":{"name":"a b"}}`:                                             "cookie.name: not the name",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"cookie":{"domain":"a;b"}}`:                                           "cookie.domain: not a host",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"csrf_cookie":{"path":"x"}}`:                                          "csrf_cookie.path: want one that starts with /",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"max_age":-1}`:                                                        "max_age: want seconds",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"xhr":{"redirect_http_code":200}}`:                                    "xhr.redirect_http_code",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"assertions":{"id_token":5}}`:                                         "assertions.id_token",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"custom_authorization_parameters":{"a":"{{#if"}}`:                     "custom_authorization_parameters.a",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"features":{"logout":{"redirect_uris":["/x"]}}}`:                      "features.logout.redirect_uris[0]",
			`{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"features":{"session_expiry":60,"session_expiry_refresh_window":60}}`: "features.session_expiry_refresh_window",
		},
	})
}
