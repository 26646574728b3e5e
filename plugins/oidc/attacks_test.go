package oidc_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

const sessionCookie = "__Host-_eas_oauth_session"

// verify asks p with one cookie.
func verify(t *testing.T, p plugins.Plugin, address, cookie string) plugins.Result {
	t.Helper()
	res, err := p.Verify(t.Context(), plugintest.Request{URL: address, Header: http.Header{"Cookie": {cookie}}}.Build())
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return res
}

// ATTACKS 16: cookies that were cut, encoded again, are too large, or external-auth-server's, lead to a login.
func TestForgedCookies(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	b := login(t, h, p)
	good := b.Cookie(deep, sessionCookie)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, raw...)
	flipped[len(flipped)-1] ^= 1
	for name, value := range map[string]string{
		"cut": good[:len(good)-4], "longer": good + "AAAA", "standard base64": base64.StdEncoding.EncodeToString(raw) + "=",
		"flipped": base64.RawURLEncoding.EncodeToString(flipped), "large": strings.Repeat("A", 4000), "upper case": strings.ToUpper(good),
		"EAS's": "s%3A6e2f3c1a-9d0b-4b7e-8a55-1c2d3e4f5a6b.Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE%3D", "quoted": `"` + good + `"`,
		"empty": "", "another name's": "",
	} {
		cookie := sessionCookie + "=" + value
		if name == "another name's" {
			cookie = "_eas_oauth_session=" + good
		}
		if res := verify(t, p, deep, cookie); res.StatusCode() != http.StatusFound {
			t.Errorf("%s: %v %d, want a login", name, res.Verdict, res.StatusCode())
		}
	}
	if res := verify(t, p, deep, sessionCookie+"=garbage; "+sessionCookie+"="+good); res.Verdict != plugins.Allow {
		t.Errorf("a cookie of the name before ours: %d, want allow", res.StatusCode())
	}
}

// ATTACKS 27: a link with a code, or with somebody else's state, does not log people in.
func TestLoginCSRF(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	b := login(t, h, p)
	before := b.Cookie(deep, sessionCookie)
	mallory := logintest.NewBrowser(t, p, h.Provider)
	res, err := mallory.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	theirs := mallory.Authorize(res)
	calls := h.Calls["authorization_code"]
	for _, tt := range []struct {
		name, address string
		status        int
	}{
		{"no state", "https://app.example.com/?__eas_oauth_handler__=authorization_callback&code=x", 400},
		{"an empty state", "https://app.example.com/?__eas_oauth_handler__=authorization_callback&code=x&state=", 400},
		{"made up", "https://app.example.com/?__eas_oauth_handler__=authorization_callback&code=x&state=abc", 400},
		{"another browser's", theirs, 302}, // logged in, so nothing happens but going on
		{"two states", theirs + "&state=x", 400},
		{"another host's", strings.Replace(theirs, "app.", "other.", 1), 400},
	} {
		res, err := b.Get(tt.address)
		if err != nil || res.StatusCode() != tt.status || len(res.Cookies) > 0 {
			t.Errorf("%s: %d %s %v %v, want %d", tt.name, res.StatusCode(), res.Reason, res.Cookies, err, tt.status)
		}
	}
	if h.Calls["authorization_code"] != calls {
		t.Error("a code was exchanged that another browser's login got")
	}
	if after := b.Cookie(deep, sessionCookie); after != before {
		t.Error("the session has changed")
	}
	// Without a session and with a cookie of one's own the login begins again; without any, nothing does.
	fresh := logintest.NewBrowser(t, p, h.Provider)
	if res, err := fresh.Get(theirs); err != nil || res.StatusCode() != http.StatusBadRequest {
		t.Errorf("a browser without cookies: %d %v, want 400", res.StatusCode(), err)
	}
}

// ATTACKS 28: a session id that was there before the login is not the one after it.
func TestFixation(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) { c["features"] = map[string]any{"session_retain_id": true} })
	mallory := login(t, h, p)
	planted := mallory.Cookie(deep, sessionCookie)
	h.User = "bob"
	b := logintest.NewBrowser(t, p, h.Provider)
	u, _ := url.Parse(deep)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: sessionCookie, Value: planted, Secure: true, Path: "/"}})
	h.clock.Add(time.Second)
	// Whatever makes bob log in although he carries mallory's session:
	res, err := logintest.NewBrowser(t, p, h.Provider).Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	b.Jar.SetCookies(u, res.Cookies)
	if res, err = b.Get(b.Authorize(res)); err != nil || len(res.Cookies) != 1 {
		t.Fatalf("callback = %d %s %v", res.StatusCode(), res.Reason, err)
	}
	if after := b.Cookie(deep, sessionCookie); after == planted {
		t.Error("the session id that was planted is used after the login")
	}
	// ATTACKS 62: a login as somebody else ends the session of before.
	if res := verify(t, p, deep, sessionCookie+"="+planted); res.Verdict == plugins.Allow {
		t.Error("the session of before goes on although somebody else has logged in")
	}
}

// ATTACKS 62: opening the login page and leaving it changes nothing.
func TestLoginPageAbandoned(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	if res, err := b.Get(deep + "&__eas_oauth_handler__=nothing"); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("an unknown handler: %v %v, want allow", res.Verdict, err)
	}
	strict := h.plugin(t, func(c map[string]any) { c["acr_values"] = []string{"gold"} })
	guarded := *b
	guarded.Plugin = strict
	if res, err := guarded.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Fatalf("a stronger login is needed: %d %v", res.StatusCode(), err)
	}
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("after leaving the login page: %v %v, want allow", res.Verdict, err)
	}
}

// ATTACKS 29: a cookie is worth nothing after logout, on any replica.
func TestLogoutEnds(t *testing.T) {
	h := newHouse(t)
	replicas := []plugins.Plugin{h.plugin(t, nil), h.plugin(t, nil)}
	b := login(t, h, replicas[0])
	cookie := sessionCookie + "=" + b.Cookie(deep, sessionCookie)
	for _, p := range replicas {
		if res := verify(t, p, deep, cookie); res.Verdict != plugins.Allow {
			t.Fatal(res.Reason)
		}
	}
	res, err := b.Get("https://app.example.com/?__eas_oauth_handler__=logout&redirect_uri=%2Fbye")
	if err != nil || res.Header.Get("Location") != "https://app.example.com/bye" || len(res.Cookies) != 1 || res.Cookies[0].MaxAge >= 0 {
		t.Errorf("logout = %d %v %v %v", res.StatusCode(), res.Header, res.Cookies, err)
	}
	for i, p := range replicas {
		if res := verify(t, p, deep, cookie); res.Verdict == plugins.Allow {
			t.Errorf("replica %d takes the cookie after logout", i)
		}
	}
}

// ATTACKS 30: a state counts once, and for the issuer that it was made for (RFC 9207).
func TestStateReplay(t *testing.T) {
	h := newHouse(t)
	h.Metadata["authorization_response_iss_parameter_supported"] = true
	p := h.plugin(t, nil)
	start := func() (*logintest.Browser, string) {
		b := logintest.NewBrowser(t, p, h.Provider)
		res, err := b.Get(deep)
		if err != nil {
			t.Fatal(err)
		}
		return b, b.Authorize(res)
	}
	b, back := start()
	if res, err := b.Get(back); err != nil || res.Header.Get("Location") != deep {
		t.Fatalf("callback = %d %s %v", res.StatusCode(), res.Reason, err)
	}
	b.Plugin = h.plugin(t, nil)
	if res, err := b.Get(back); err != nil || res.StatusCode() != http.StatusBadRequest || len(res.Cookies) > 0 {
		t.Errorf("a used state at another replica: %d %v, want 400", res.StatusCode(), err)
	}
	for name, change := range map[string]func(url.Values){
		"another issuer": func(q url.Values) { q.Set("iss", "https://evil.example.com") },
		"no issuer":      func(q url.Values) { q.Del("iss") },
		"two issuers":    func(q url.Values) { q.Add("iss", "https://evil.example.com") },
	} {
		b, back := start()
		u, _ := url.Parse(back)
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		calls := h.Calls["authorization_code"]
		if res, err := b.Get(u.String()); err != nil || res.StatusCode() != http.StatusBadRequest || h.Calls["authorization_code"] != calls {
			t.Errorf("%s: %d %v, want 400 and no exchange", name, res.StatusCode(), err)
		}
	}
}

// ATTACKS 48: who can write the store cannot give one session's value to another.
func TestSwappedSessions(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	alice := login(t, h, p)
	h.User = "bob"
	bob := login(t, h, p)
	ids := []session.ID{}
	var values []session.Record
	for _, b := range []*logintest.Browser{alice, bob} {
		id := h.id(t, b.Cookie(deep, sessionCookie))
		r, ok, err := h.store.Load(t.Context(), id)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		ids, values = append(ids, id), append(values, r)
	}
	values[0].Value, values[1].Value = values[1].Value, values[0].Value
	for i := range ids {
		if _, err := h.store.Save(t.Context(), values[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []*logintest.Browser{alice, bob} {
		for _, p := range []plugins.Plugin{p, h.plugin(t, nil)} {
			b.Plugin = p
			if res, err := b.Get(deep); err != nil || res.Verdict == plugins.Allow {
				t.Errorf("a session with another one's value: %v %v", res.Verdict, err)
			}
		}
	}
}

// ATTACKS 57: cookies that are Secure never come back over http: an error page says so, instead of a loop.
func TestPlainHTTP(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	for address, want := range map[string]int{
		"http://app.example.com/": 400, "ws://app.example.com/": 401, "http://localhost:8080/": 302, "http://127.0.0.1/": 302, "http://[::1]:1/": 302,
		"http://localhost.example.com/": 400,
	} {
		res := verify(t, p, address, "")
		if res.StatusCode() != want || want == 400 && !strings.Contains(res.Reason, "X-Forwarded-Proto") {
			t.Errorf("%s: %d %s, want %d", address, res.StatusCode(), res.Reason, want)
		}
	}
	b := logintest.NewBrowser(t, p, h.Provider)
	if res := b.Login("http://localhost:8080/x?y"); res.Verdict != plugins.Allow {
		t.Errorf("login at localhost: %d %s", res.StatusCode(), res.Reason)
	}
	b = logintest.NewBrowser(t, h.plugin(t, func(c map[string]any) {
		c["cookie"], c["csrf_cookie"] = map[string]any{"secure": false}, map[string]any{"secure": false}
	}), h.Provider)
	if res := b.Login("http://app.example.com/x?y"); res.Verdict != plugins.Allow {
		t.Errorf("login without Secure: %d %s", res.StatusCode(), res.Reason)
	}
}

// A cookie of another audience is no session, and one of the same audience is, whichever token it is.
func TestAudience(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	env := h.env(t)
	env.Audience = "another"
	for _, tt := range []struct {
		name   string
		p      plugins.Plugin
		allows bool
	}{
		{"the same audience, with a rule more", h.plugin(t, func(c map[string]any) { c["acr_values"] = nil; c["features"] = map[string]any{"cookie_expiry": true} }), true},
		{"another audience", h.pluginIn(t, env, nil), false},
		{"another client", h.plugin(t, func(c map[string]any) {
			c["client"] = map[string]any{"client_id": "other", "client_secret": "s3cret"}
		}), false},
	} {
		b.Plugin = tt.p
		if res, err := b.Get(deep); err != nil || (res.Verdict == plugins.Allow) != tt.allows {
			t.Errorf("%s: %v %s %v", tt.name, res.Verdict, res.Reason, err)
		}
	}
}

// Fifty tabs without a cookie begin at once; one cookie is left of fifty. Every tab arrives where it wanted to go, and each
// login counts once.
func TestFiftyTabs(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	const tabs = 50
	starts := make([]plugins.Result, tabs)
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() {
			r := plugintest.Request{URL: deep, Header: http.Header{"Accept": {"text/html"}}}.Build()
			var err error
			if starts[i], err = b.Plugin.Verify(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	u, _ := url.Parse(deep)
	for _, res := range starts {
		b.Jar.SetCookies(u, res.Cookies)
	}
	for i, res := range starts {
		wg.Go(func() {
			tab := *b
			if end := tab.Login(b.Authorize(res)); end.Verdict != plugins.Allow {
				t.Errorf("tab %d ends with %d: %s", i, end.StatusCode(), end.Reason)
			}
		})
	}
	wg.Wait()
}

func TestAttemptIsBoundToItsLogin(t *testing.T) {
	h := newHouse(t)
	one := h.plugin(t, nil)
	other := h.plugin(t, func(c map[string]any) {
		c["client"] = map[string]any{"client_id": "gate", "client_secret": "s3cret", "registration_client_uri": "https://x.example.com"}
	})
	b := logintest.NewBrowser(t, one, h.Provider)
	res, err := b.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	back := b.Authorize(res)
	b.Plugin = other
	if res, err := b.Get(back); err != nil || res.StatusCode() != http.StatusBadRequest {
		t.Errorf("a state of another configuration: %d %v, want 400", res.StatusCode(), err)
	}
	b.Plugin = one
	h.clock.Add(oauthflow.AttemptLife + time.Second)
	if res, err := b.Get(back); err != nil || res.StatusCode() != http.StatusBadRequest || !strings.Contains(string(res.Body), "/a%2Fb/c?x=1") {
		t.Errorf("after an hour: %d %s %v, want 400 with a link to go on", res.StatusCode(), res.Body, err)
	}
}

// ATTACKS 61: the form of a rule on the domain that docs/plugins/oidc.md gives.
func TestSeveralAts(t *testing.T) {
	page, err := os.ReadFile("../../docs/plugins/oidc.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("value: '(/.*corp.*/)'").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/plugins/oidc.md has no rule on a domain")
	}
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) {
		c["assertions"] = map[string]any{"id_token": []any{map[string]any{"query_engine": "jp", "query": "$.email",
			"rule": map[string]any{"method": "regex", "value": string(m[1])}}}}
	})
	for email, want := range map[any]bool{
		"a@corp.example": true, "a@evil.example@corp.example": false, "a@corp.example@evil.example": false, "a@corp.example.evil.example": false,
		"a@corp-example": false, "corp.example": false, "a@corp.example\n@evil.example": false, nil: false,
	} {
		h.set(func() { h.Claims = map[string]any{"email": email} })
		if end := logintest.NewBrowser(t, p, h.Provider).Login(deep); (end.Verdict == plugins.Allow) != want {
			t.Errorf("%v: %v %s", email, end.Verdict, end.Reason)
		}
	}
}

// Cookie tossing: a sibling site sets cookies for the parent domain. One of its own making does not keep ours from being
// found, and is not taken for one.
func TestCookieTossing(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) { c["cookie"] = map[string]any{"name": "sso", "domain": "example.com"} })
	b := login(t, h, p)
	mine := b.Cookie(deep, "sso")
	for _, cookie := range []string{"sso=tossed; sso=" + mine, "sso=" + mine + "; sso=tossed", strings.Repeat("sso=; ", 50) + "sso=" + mine} {
		if res := verify(t, p, deep, cookie); res.Verdict != plugins.Allow || res.Identity.Subject != "alice" {
			t.Errorf("%.40s: %v", cookie, res.Verdict)
		}
	}
	if res := verify(t, p, deep, strings.Repeat("sso=tossed; ", 50)+"sso="+mine); res.Verdict == plugins.Allow {
		t.Error("more cookies of the name are looked at than a browser has reason to send")
	}
}
