package oidc_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/memory"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/oidc"
	"github.com/easgate/easgate/plugins/plugintest"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// house is a provider, a clock, and a store that replicas share.
type house struct {
	clock *clock
	*logintest.Provider
	store session.Store
	keys  seal.Keys
}

func newHouse(t testing.TB) *house {
	c := &clock{now: plugintest.Now}
	return &house{c, logintest.NewProvider(t, c.Now), memory.New(memory.Options{Now: c.Now}), newKeys("one", c.Now)}
}

func newKeys(word string, now func() time.Time) seal.Keys {
	secrets := map[seal.Purpose]seal.Secrets{}
	for _, p := range []seal.Purpose{seal.State, seal.Cookie, seal.Session, seal.CSRF} {
		secrets[p] = seal.Secrets{Setting: "X", Current: []byte(word + " secret of more than 32 bytes, for tests")}
	}
	return seal.New(secrets, nil, now)
}

func (h *house) env(t testing.TB) plugins.Env {
	e := plugintest.Env(t)
	e.Now, e.HTTP, e.Sessions, e.Seal, e.Native, e.Audience = h.clock.Now, &http.Client{}, h.store, h.keys, true, "audience"
	e.Log = slog.New(slog.DiscardHandler)
	e.Query = query.Engines{"jp": jsonpath.New(nil), "handlebars": handlebars.New(nil)}
	return e
}

// plugin is a replica's, with changes to the configuration.
func (h *house) plugin(t testing.TB, change func(config map[string]any)) plugins.Plugin {
	t.Helper()
	return h.pluginIn(t, h.env(t), change)
}

func (h *house) pluginIn(t testing.TB, env plugins.Env, change func(config map[string]any)) plugins.Plugin {
	t.Helper()
	config := map[string]any{
		"issuer": map[string]any{"discover_url": h.URL}, "scopes": []string{"openid", "profile"},
		"client": map[string]any{"client_id": "gate", "client_secret": "s3cret"},
	}
	if change != nil {
		change(config)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p, unknown, err := plugins.Of(oidc.New).Build(raw, env)
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	return p
}

const deep = "https://app.example.com/a%2Fb/c?x=1&y=%20z&&a"

func TestLogin(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, func(c map[string]any) {
		c["features"] = map[string]any{"authorization_token": "id_token"}
	}), h.Provider)

	res, err := b.Get(deep)
	if err != nil || res.Verdict != plugins.Abstain || res.StatusCode() != http.StatusFound {
		t.Fatalf("Verify = %v %d %v, want a redirect", res.Verdict, res.StatusCode(), err)
	}
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": "gate", "response_type": "code", "scope": "openid profile", "code_challenge_method": "S256",
		"redirect_uri": "https://app.example.com/a%2Fb/c?__eas_oauth_handler__=authorization_callback",
	} {
		if q.Get(name) != want {
			t.Errorf("authorization request: %s = %q, want %q", name, q.Get(name), want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if q.Get(name) == "" {
			t.Errorf("authorization request: no %s", name)
		}
	}
	if c := res.Cookies[0]; c.Name != "__Host-_eas_oauth_csrf" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
		t.Errorf("cookie = %v", c)
	}

	res, err = b.Get(b.Authorize(res))
	if err != nil || res.StatusCode() != http.StatusFound || res.Header.Get("Location") != deep {
		t.Fatalf("callback = %d %v %s %v, want a redirect to %s", res.StatusCode(), res.Header, res.Reason, err, deep)
	}
	if c := res.Cookies[0]; c.Name != "__Host-_eas_oauth_session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || !c.Expires.IsZero() {
		t.Errorf("cookie = %v", c)
	}

	res, err = b.Get(deep)
	if err != nil || res.Verdict != plugins.Allow {
		t.Fatalf("Verify = %v %s %v, want allow", res.Verdict, res.Reason, err)
	}
	if got := res.Header.Get("X-Userinfo"); got != `{"name":"\u0410\u043b\u0438\u0441\u0430","sub":"alice"}` {
		t.Errorf("X-Userinfo = %s", got)
	}
	if res.Header.Get("X-Id-Token") == "" || res.Header.Get("X-Access-Token") == "" ||
		res.Header.Get("Authorization") != "Bearer "+res.Header.Get("X-Id-Token") {
		t.Errorf("header = %v", res.Header)
	}
	if id := res.Identity; id.Subject != "alice" || id.Realm != h.URL || id.Provider != "oidc" || id.Claims["sid"] != "sid-alice" {
		t.Errorf("identity = %+v", id)
	}
	if h.Calls["authorization_code"] != 1 || h.Calls["/userinfo"] != 1 {
		t.Errorf("calls = %v", h.Calls)
	}
}

// id is what the store knows a session by that a cookie names.
func (h *house) id(t *testing.T, cookie string) session.ID {
	t.Helper()
	box, err := h.keys.For(seal.Cookie, "audience")
	if err != nil {
		t.Fatal(err)
	}
	random, err := box.Open(cookie, h.clock.Now(), "")
	if err != nil {
		t.Fatal(err)
	}
	return session.IDOf(string(random))
}

// set changes the provider while nobody asks it.
func (h *house) set(change func()) {
	h.Lock()
	defer h.Unlock()
	change()
}
