package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/server/oauth"
	"github.com/easgate/easgate/internal/session/memory"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/oidc"
	"github.com/easgate/easgate/plugins/plugintest"
)

func now() time.Time { return plugintest.Now }

func keys() seal.Keys {
	secrets := map[seal.Purpose]seal.Secrets{}
	for _, p := range []seal.Purpose{seal.State, seal.Cookie, seal.Session} {
		secrets[p] = seal.Secrets{Setting: "X", Current: []byte("a secret of more than 32 bytes, for tests of logins")}
	}
	return seal.New(secrets, nil, now)
}

func attempts(t *testing.T) *oauthflow.Attempts {
	t.Helper()
	a, err := oauthflow.NewAttempts(keys())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func do(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

const deep = "https://app.example.com/a%2Fb/c?x=1&y=%20z"

func TestCallback(t *testing.T) {
	a := attempts(t)
	h := oauth.New(oauth.Config{Attempts: a, Log: slog.New(slog.DiscardHandler), Now: now, Timeout: time.Second})
	at := func(target string, begun time.Time) string {
		return a.Seal(oauthflow.NewAttempt(oauthflow.NewBrowser(), "login", target, begun))
	}
	state := at(deep, now())
	want := "https://app.example.com/a%2Fb/c?__eas_oauth_handler__=authorization_callback&code=c%26d&iss=https%3A%2F%2Fi&state=" + state
	for _, tt := range []struct {
		name, method, target, body string
		status                     int
		location                   string
	}{
		{"an answer", "GET", "/oauth/callback?state=" + state + "&iss=https%3A%2F%2Fi&code=c%26d", "", 302, want},
		{"with what nobody asked for", "GET", "/oauth/callback?state=" + state + "&code=c%26d&iss=https%3A%2F%2Fi&x=y&__eas_oauth_handler__=logout", "", 302, want},
		{"posted", "POST", "/oauth/callback", "state=" + state + "&code=c%26d&iss=https%3A%2F%2Fi", 303, want},
		{"late: the page behind says so", "GET", "/oauth/callback?code=x&state=" + at(deep, now().Add(-2*time.Hour)), "", 302, "?"},
		{"far too late", "GET", "/oauth/callback?code=x&state=" + at(deep, now().Add(-30*24*time.Hour)), "", 400, ""},
		{"no state", "GET", "/oauth/callback?code=x", "", 400, ""},
		{"two states", "GET", "/oauth/callback?code=x&state=" + state + "&state=" + state, "", 400, ""},
		{"a state that was made up", "GET", "/oauth/callback?code=x&state=abc", "", 400, ""},
		{"a target of a logout as a state", "GET", "/oauth/callback?code=x&state=" + a.SealTarget("https://evil.example.com", now()), "", 400, ""},
		{"a form without an end", "POST", "/oauth/callback", "state=" + strings.Repeat("x", 100_000), 400, ""},
		{"another method", "PUT", "/oauth/callback?state=" + state, "", 405, ""},
		{"logged out", "GET", "/oauth/end-session-redirect?state=" + a.SealTarget(deep, now()), "", 302, deep},
		{"logged out, late", "GET", "/oauth/end-session-redirect?state=" + a.SealTarget(deep, now().Add(-2*time.Hour)), "", 400, ""},
		{"logged out to nowhere", "GET", "/oauth/end-session-redirect?state=" + a.SealTarget("", now()), "", 400, ""},
		{"a login's state at the logout", "GET", "/oauth/end-session-redirect?state=" + state, "", 400, ""},
		{"anything else", "GET", "/oauth/nothing", "", 404, ""},
	} {
		w := do(h, tt.method, tt.target, tt.body)
		location := w.Header().Get("Location")
		if tt.location == "?" {
			location, tt.location = "", ""
		}
		if w.Code != tt.status || location != tt.location {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, location, tt.status, tt.location)
		}
	}
}

// plain opens JSON as it stands, in EAS's format or natively.
type plain configtoken.Format

func (p plain) Open(text string) (configtoken.Token, error) {
	return configtoken.Token{Format: configtoken.Format(p), Claims: json.RawMessage(text)}, nil
}

func cache(t *testing.T, format configtoken.Format, store plugins.Env) *pipeline.Cache {
	t.Helper()
	c := pipeline.NewCache(pipeline.Config{
		Compiler: &pipeline.Compiler{Plugins: plugins.Registry{"oidc": plugins.Of(oidc.New)}, Env: store},
		URL:      plain(format), Stored: plain(format), Revoked: func(string) bool { return false },
		Log: slog.New(slog.DiscardHandler), Now: now,
	})
	t.Cleanup(c.Close)
	return c
}

// A provider's logout token ends the sessions of its person, whichever config token they were begun with, and once.
func TestBackchannel(t *testing.T) {
	provider := logintest.NewProvider(t, now)
	env := plugintest.Env(t)
	env.HTTP, env.Sessions, env.Seal = &http.Client{}, memory.New(memory.Options{Now: now}), keys()
	native, eas := cache(t, configtoken.Native, env), cache(t, configtoken.EAS, env)
	own := `{"aud":"app","eas":{"plugins":[{"type":"oidc","issuer":{"discover_url":"` + provider.URL +
		`"},"scopes":["openid"],"client":{"client_id":"gate","client_secret":"s3cret"}}]}}`
	easOwn := `{"eas":{"ttl":60,"issuer":{"discover_url":"` + provider.URL + `"},"client":{"client_id":"gate","client_secret":"s3cret"}}}`
	claims := func(change func(map[string]any)) string {
		c := map[string]any{"iss": provider.URL, "aud": "gate", "iat": now().Unix(), "jti": "j1", "sub": "alice",
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
		if change != nil {
			change(c)
		}
		return provider.Sign(c)
	}
	without := func(name string) string { return claims(func(c map[string]any) { delete(c, name) }) }
	var log bytes.Buffer
	room := func(c *pipeline.Cache, allowed func(string, *bool) bool) http.Handler {
		return oauth.New(oauth.Config{Attempts: attempts(t), Pipelines: c, Allowed: allowed, Timeout: time.Second,
			Log: slog.New(slog.NewTextHandler(&log, nil)), Now: now})
	}
	p, err := native.Pipeline(t.Context(), pipeline.Reference{Token: own})
	if err != nil {
		t.Fatal(err)
	}
	guard := guarded{p}
	for _, tt := range []struct {
		name   string
		h      http.Handler
		config string
		token  string
		status int
		ends   bool
	}{
		{"the app's own token", room(native, nil), own, claims(nil), 200, true},
		{"again", room(native, nil), own, claims(nil), 400, false},
		{"EAS's token", room(eas, nil), easOwn, claims(func(c map[string]any) { c["jti"] = "j2" }), 200, true},
		{"by sid", room(native, nil), own, claims(func(c map[string]any) { delete(c, "sub"); c["sid"], c["jti"] = "sid-alice", "j3" }), 200, true},
		{"somebody else", room(native, nil), own, claims(func(c map[string]any) { c["sub"], c["jti"] = "bob", "j4" }), 200, false},
		{"switched off", room(native, func(string, *bool) bool { return false }), own, claims(func(c map[string]any) { c["jti"] = "j5" }), 400, false},
		{"another issuer", room(native, nil), own, claims(func(c map[string]any) { c["iss"] = "https://evil.example.com" }), 400, false},
		{"another audience", room(native, nil), own, claims(func(c map[string]any) { c["aud"] = "other" }), 400, false},
		{"a nonce", room(native, nil), own, claims(func(c map[string]any) { c["nonce"] = "x" }), 400, false},
		{"old", room(native, nil), own, claims(func(c map[string]any) { c["iat"] = now().Add(-time.Hour).Unix() }), 400, false},
		{"expired", room(native, nil), own, claims(func(c map[string]any) { c["exp"] = now().Add(-time.Hour).Unix() }), 400, false},
		{"no events", room(native, nil), own, without("events"), 400, false},
		{"no jti", room(native, nil), own, without("jti"), 400, false},
		{"nobody", room(native, nil), own, without("sub"), 400, false},
		{"no iat", room(native, nil), own, without("iat"), 400, false},
		{"no JWT", room(native, nil), own, "x", 400, false},
		{"a config token that cannot be opened", room(native, nil), "{", claims(nil), 503, false},
		{"a config token without logins", room(native, nil), `{"eas":{"plugins":[]}}`, claims(nil), 503, false},
	} {
		b := logintest.NewBrowser(t, guard, provider)
		if res := b.Login(deep); res.Verdict != plugins.Allow {
			t.Fatalf("login: %s", res.Reason)
		}
		w := do(tt.h, "POST", "/oauth/backchannel-logout?backchannel_config_token="+url.QueryEscape(tt.config), "logout_token="+tt.token)
		if w.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, w.Code, tt.status, log.String())
		}
		res, err := b.Get(deep)
		if err != nil || (res.Verdict != plugins.Allow) != tt.ends {
			t.Errorf("%s: afterwards %v %v, want ended = %v", tt.name, res.Verdict, err, tt.ends)
		}
		log.Reset()
	}
}

// guarded is a pipeline as a plugin.
type guarded struct{ *pipeline.Pipeline }

func (g guarded) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	d := g.Decide(ctx, r, pipeline.Options{Fallback: -1})
	return d.Result, d.Err
}
