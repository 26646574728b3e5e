package oidc_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// What goes wrong between the provider and us is a page for the person, and a remedy for the operator.
func TestWhatGoesWrong(t *testing.T) {
	html := func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>sorry</html>"))
		return true
	}
	on := func(path string, do func(http.ResponseWriter) bool) func(*house) {
		return func(h *house) {
			h.Answer = func(w http.ResponseWriter, r *http.Request) bool { return r.URL.Path == path && do(w) }
		}
	}
	claim := func(name string, v any) func(*house) {
		return func(h *house) { h.IDToken = func(c map[string]any) { c[name] = v } }
	}
	hour := 3600.0
	now := float64(plugintest.Now.Unix())
	for _, tt := range []struct {
		name   string
		do     func(h *house)
		config func(map[string]any)
		status int
		reason string
	}{
		{"provider unreachable", func(h *house) { h.Server.Close() }, nil, 503, "discover_url"},
		{"discovery is HTML", on("/.well-known/openid-configuration", html), nil, 503, "not a provider's metadata"},
		{"another issuer", func(h *house) { h.Metadata["issuer"] = "https://evil.example.com" }, nil, 503, "issuer is not the one"},
		{"token endpoint is HTML", on("/token", html), nil, 503, "token_endpoint: status 200, text/html instead of JSON"},
		{"token endpoint redirects", on("/token", func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "https://evil.example.com")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}), nil, 503, "token_endpoint: status 307, a redirect"},
		{"client secret wrong", func(h *house) { h.Secret = "changed" }, nil, 503, "check client_id, client_secret"},
		{"redirect_uri not registered", on("/token", func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"redirect_uri_mismatch"}`))
			return true
		}), nil, 503, "register the redirect_uri"},
		{"userinfo 404", func(h *house) { h.UserinfoStatus = 404 }, nil, 503, "userinfo_endpoint: status 404"},
		{"userinfo 401", func(h *house) { h.UserinfoStatus = 401 }, nil, 403, "does not take its own access token"},
		{"userinfo about somebody else", func(h *house) { h.Userinfo = func(c map[string]any) { c["sub"] = "bob" } }, nil, 403, "not about the ID token's subject"},
		{"no ID token", nil, func(c map[string]any) { c["scopes"] = []string{"profile", "openid2"} }, 403, "check scopes"},
		{"iss", claim("iss", "https://evil.example.com"), nil, 403, "iss is"},
		{"aud", claim("aud", "other"), nil, 403, "aud does not have"},
		{"aud of several, no azp", claim("aud", []string{"gate", "other"}), nil, 403, "azp is"},
		{"azp", claim("azp", "other"), nil, 403, "azp is"},
		{"nonce", claim("nonce", "x"), nil, 403, "nonce is not"},
		{"expired an hour ago", claim("exp", now-hour), nil, 403, "clock"},
		{"issued in an hour", claim("iat", now+hour), nil, 403, "1h0m0s from now: this machine's clock"},
		{"not yet valid", claim("nbf", now+hour), nil, 403, "clock"},
		{"no sub", claim("sub", ""), nil, 403, "no sub"},
		{"rules", nil, func(c map[string]any) {
			c["assertions"] = map[string]any{"id_token": []any{map[string]any{"query_engine": "jp", "query": "$.groups[*]",
				"rule": map[string]any{"method": "contains", "value": "staff"}}}}
		}, 403, "assertions.id_token: rule 1 of 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			config := tt.config
			if tt.name == "no ID token" { // the scopes are refused when a token is sealed, so the provider forgets it
				config = nil
				h.Answer = func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != "/token" {
						return false
					}
					_, _ = w.Write([]byte(`{"access_token":"at.alice"}`))
					return true
				}
			}
			p := h.plugin(t, config)
			if tt.do != nil {
				tt.do(h)
			}
			b := logintest.NewBrowser(t, p, h.Provider)
			res := b.Login(deep)
			if res.StatusCode() != tt.status || !strings.Contains(res.Reason, tt.reason) {
				t.Errorf("%d %q, want %d and %q", res.StatusCode(), res.Reason, tt.status, tt.reason)
			}
			if !strings.Contains(string(res.Body), "<h1>") || strings.Contains(string(res.Body), "s3cret") || strings.Contains(res.Reason, "s3cret") ||
				strings.Contains(res.Reason, "code-1") {
				t.Errorf("page = %s, reason %s", res.Body, res.Reason)
			}
			for _, c := range b.Cookies(deep) {
				if c.Name == sessionCookie {
					t.Error("a failed login set the session's cookie")
				}
			}
		})
	}
}

// A program gets JSON.
func TestFailureAsJSON(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	b.Header = http.Header{"Accept": {"application/json"}}
	res, err := b.Get("https://app.example.com/?__eas_oauth_handler__=authorization_callback&code=x")
	if err != nil || !strings.Contains(string(res.Body), `"reason":"login_failed"`) {
		t.Errorf("Verify = %s %v", res.Body, err)
	}
}

func TestDenied(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	res, err := b.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	back := strings.Replace(b.Authorize(res), "code=", "error=access_denied&xcode=", 1)
	if res, err = b.Get(back); err != nil || res.StatusCode() != http.StatusForbidden || len(res.Cookies) > 0 {
		t.Errorf("access_denied: %d %v, want 403", res.StatusCode(), err)
	}
}

// The key is replaced after the login has begun, and once more after the session has.
func TestKeyRotation(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	b := login(t, h, p)
	other := logintest.NewBrowser(t, p, h.Provider)
	res, err := other.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	back := other.Authorize(res)
	h.Rotate("k2")
	if end := other.Login(back); end.Verdict != plugins.Allow {
		t.Errorf("a login during which the key was replaced: %d %s", end.StatusCode(), end.Reason)
	}
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("a session from before: %v %v", res.Verdict, err)
	}
}

func TestScripts(t *testing.T) {
	h := newHouse(t)
	native, eas := h.plugin(t, nil), func() plugins.Plugin {
		env := h.env(t)
		env.Native = false
		return h.pluginIn(t, env, nil)
	}()
	chosen := h.plugin(t, func(c map[string]any) { c["xhr"] = map[string]any{"redirect_http_code": 403} })
	for _, tt := range []struct {
		name   string
		p      plugins.Plugin
		url    string
		header http.Header
		want   int
	}{
		{"navigation", native, deep, http.Header{"Sec-Fetch-Mode": {"navigate"}, "Origin": {"null"}}, 302},
		{"fetch", native, deep, http.Header{"Sec-Fetch-Mode": {"cors"}}, 401},
		{"an old browser's XHR", native, deep, http.Header{"Origin": {"https://app.example.com"}}, 401},
		{"curl", native, deep, http.Header{}, 302},
		{"a websocket", native, "wss://app.example.com/ws", http.Header{}, 401},
		{"a websocket over https", native, deep, http.Header{"Sec-Websocket-Key": {"x"}}, 401},
		{"configured", chosen, deep, http.Header{"Sec-Fetch-Mode": {"cors"}}, 403},
		{"EAS", eas, deep, http.Header{"Origin": {"https://app.example.com"}}, 302},
	} {
		res, err := tt.p.Verify(t.Context(), plugintest.Request{URL: tt.url, Header: tt.header}.Build())
		if err != nil || res.StatusCode() != tt.want {
			t.Errorf("%s: %d %v, want %d", tt.name, res.StatusCode(), err, tt.want)
		}
		if got := res.Header.Get("Www-Authenticate"); got != `Bearer realm="`+h.URL+`", scope="openid profile"` {
			t.Errorf("%s: WWW-Authenticate = %s", tt.name, got)
		}
	}
}

func TestReferer(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) { c["xhr"] = map[string]any{"use_referer_as_redirect_uri": true} })
	for referer, want := range map[string]string{
		"https://app.example.com/page": "https://app.example.com/page", "https://evil.example.com/": deep, "//evil.example.com": deep,
	} {
		b := logintest.NewBrowser(t, p, h.Provider)
		b.Header = http.Header{"Sec-Fetch-Mode": {"cors"}, "Referer": {referer}}
		res, err := b.Get(deep)
		if err != nil {
			t.Fatal(err)
		}
		b.Header = http.Header{}
		if res, err = b.Get(b.Authorize(res)); err != nil || res.Header.Get("Location") != want {
			t.Errorf("referer %s: leads to %s %v, want %s", referer, res.Header.Get("Location"), err, want)
		}
	}
}

// RFC 9470: a login that is not strong or recent enough is repeated; a program is told what is missing.
func TestStepUp(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	age := 60
	b.Plugin = h.plugin(t, func(c map[string]any) { c["acr_values"], c["max_age"] = []string{"gold", "silver"}, age })
	r := request(b, deep)
	r.Header.Set("Sec-Fetch-Mode", "cors")
	res, err := b.Plugin.Verify(t.Context(), r)
	want := `, error="insufficient_user_authentication", error_description="a stronger or more recent login is needed", acr_values="gold silver", max_age="60"`
	if err != nil || res.StatusCode() != http.StatusUnauthorized || !strings.HasSuffix(res.Header.Get("Www-Authenticate"), want) {
		t.Errorf("program: %d %v %v", res.StatusCode(), res.Header, err)
	}
	if end := b.Login(deep); end.Verdict != plugins.Allow || end.Identity.Claims["acr"] != "gold" {
		t.Errorf("login with acr: %v %s %v", end.Verdict, end.Reason, end.Identity.Claims)
	}
	h.clock.Add(61 * time.Second)
	if res, err := b.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("after max_age: %d %v, want a login", res.StatusCode(), err)
	}
	h.IDToken = func(c map[string]any) { c["acr"] = "bronze" }
	if end := b.Login(deep); end.StatusCode() != http.StatusForbidden {
		t.Errorf("a provider that gives another acr: %d %s, want 403", end.StatusCode(), end.Reason)
	}
}

func TestLogout(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) {
		c["features"] = map[string]any{"logout": map[string]any{
			"revoke_tokens_on_logout": []string{"refresh_token", "access_token"}, "redirect_uris": []string{"https://www.example.com"},
			"end_provider_session": map[string]any{"enabled": true, "post_logout_redirect_uri": "https://auth.example.com/oauth/end-session-redirect"},
		}}
	})
	const logout = "https://app.example.com/?__eas_oauth_handler__=logout&redirect_uri="
	for target, ok := range map[string]bool{
		"https%3A%2F%2Fwww.example.com%2Fbye": true, "%2Fbye": true, "https%3A%2F%2Fapp.example.com": true,
		"https%3A%2F%2Fevil.example.com": false, "%2F%2Fevil.example.com": false, "%2F%5Cevil.example.com": false, "javascript%3Aalert(1)": false,
		"https%3A%2F%2Fwww.example.com%40evil.example.com": false, "http%3A%2F%2Fapp.example.com": false,
	} {
		b := login(t, h, p)
		res, err := b.Get(logout + target)
		if ok != (res.StatusCode() == http.StatusFound) || err != nil {
			t.Errorf("logout to %s: %d %s %v", target, res.StatusCode(), res.Reason, err)
		}
		if ok && (!strings.HasPrefix(res.Header.Get("Location"), h.URL+"/logout?") || !strings.Contains(res.Header.Get("Location"), "id_token_hint=")) {
			t.Errorf("logout to %s leads to %s", target, res.Header.Get("Location"))
		}
	}
	if len(h.Revoked) != 6 || h.Revoked[0] != "refresh_token" {
		t.Errorf("revoked %v", h.Revoked)
	}
	b := login(t, h, p)
	b.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}
	if res, err := b.Get(logout); err != nil || res.StatusCode() != http.StatusBadRequest {
		t.Errorf("an image of another site: %d %v", res.StatusCode(), err)
	}
	b.Header = http.Header{"Accept": {"text/html"}}
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("after an image of another site: %v %v", res.Verdict, err)
	}
	h.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	if res, err := b.Get(logout); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("logout while the provider fails: %d %v", res.StatusCode(), err)
	}
	h.Answer = nil
	if res, err := b.Get(deep); err != nil || res.Verdict == plugins.Allow {
		t.Errorf("the session goes on after a logout whose revocation failed: %v", err)
	}
}

// A person who leaves while tokens are refreshed does not break it for the others.
func TestClientLeaves(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	h.clock.Add(h.TTL + time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	h.Delay = cancel
	if res, err := b.Plugin.Verify(ctx, request(b, deep)); res.Verdict == plugins.Allow && err != nil {
		t.Errorf("Verify = %v %v", res.Verdict, err)
	}
	h.Lock()
	h.Delay = nil
	h.Unlock()
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow || h.Calls["refresh_token"] != 1 {
		t.Errorf("Verify = %v %v after %d refreshes", res.Verdict, err, h.Calls["refresh_token"])
	}
}

func TestPublicClient(t *testing.T) {
	h := newHouse(t)
	h.Secret = ""
	b := logintest.NewBrowser(t, h.plugin(t, func(c map[string]any) { c["client"] = map[string]any{"client_id": "gate"} }), h.Provider)
	if res := b.Login(deep); res.Verdict != plugins.Allow {
		t.Errorf("a public client: %d %s", res.StatusCode(), res.Reason)
	}
}

// A workload's identity: the assertion is in a file that somebody replaces.
func TestAssertionFile(t *testing.T) {
	h := newHouse(t)
	h.Secret = ""
	path := filepath.Join(t.TempDir(), "token")
	p := h.plugin(t, func(c map[string]any) { c["client"] = map[string]any{"client_id": "gate", "assertion_file": path} })
	var sent []string
	h.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			sent = append(sent, r.PostForm.Get("client_assertion"))
		}
		return false
	}
	h.Metadata["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"}
	if res := logintest.NewBrowser(t, p, h.Provider).Login(deep); res.StatusCode() != http.StatusServiceUnavailable || !strings.Contains(res.Reason, path) {
		t.Errorf("without the file: %d %s", res.StatusCode(), res.Reason)
	}
	for _, text := range []string{"first", "second"} {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if res := logintest.NewBrowser(t, p, h.Provider).Login(deep); res.Verdict != plugins.Allow {
			t.Errorf("with the file: %d %s", res.StatusCode(), res.Reason)
		}
	}
	if strings.Join(sent, " ") != "first second" {
		t.Errorf("sent %v", sent)
	}
}

func BenchmarkLoggedIn(b *testing.B) {
	h := newHouse(b)
	p := h.plugin(b, nil)
	browser := logintest.NewBrowser(b, p, h.Provider)
	if res := browser.Login(deep); res.Verdict != plugins.Allow {
		b.Fatal(res.Reason)
	}
	r := request(browser, deep)
	b.ReportAllocs()
	for b.Loop() {
		if res, err := p.Verify(context.Background(), r); err != nil || res.Verdict != plugins.Allow {
			b.Fatal(res.Verdict, err)
		}
	}
}

// A proxy that asks about redirect_uri itself, instead of leading it to easgate, makes no loop: the answer goes on.
func TestGuardedRedirectURI(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, func(c map[string]any) { c["redirect_uri"] = "https://app.example.com/oauth/callback" }), h.Provider)
	if res := b.Login(deep); res.Verdict != plugins.Allow || b.Visited[len(b.Visited)-1] != deep {
		t.Errorf("login = %d %s at %s", res.StatusCode(), res.Reason, b.Visited[len(b.Visited)-1])
	}
	if res, err := b.Get("https://app.example.com/oauth/callback?state=x"); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("the path with another state: %v %v, want what every path gets", res.Verdict, err)
	}
}
