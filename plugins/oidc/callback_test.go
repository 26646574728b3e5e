package oidc_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/plugins"
)

// A code that the provider refuses begins the login again, for the person may have gone back in the browser; but not
// without an end.
func TestRefusedCode(t *testing.T) {
	h := newHouse(t)
	asked := 0
	h.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return false
		}
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return true
	}
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	res := b.Login(deep)
	if res.Verdict == plugins.Allow || res.Header.Get("Location") == "" && res.StatusCode() < 400 {
		t.Errorf("Login = %v %d %s, want an error page", res.Verdict, res.StatusCode(), res.Reason)
	}
	if asked != 4 {
		t.Errorf("the provider was asked for tokens %d times, want 4: once, and three times more", asked)
	}
	if c := b.Cookie(deep, sessionCookie); c != "" {
		t.Error("a session cookie was set")
	}
}

// ATTACKS 17, at the callback and at logout: a store that cannot answer sets no cookie and removes none, and what was
// begun can be finished when it is back.
func TestStoreDownInCallback(t *testing.T) {
	h := newHouse(t)
	store := &brokenStore{Store: h.store}
	h.store = store
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	res, err := b.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	back := b.Authorize(res)
	store.broken = true
	if res, err := b.Get(back); !unavailable(res, err) {
		t.Errorf("callback = %d %s %v, want 503 and no cookie", res.StatusCode(), res.Reason, err)
	}
	store.broken = false
	if res, err := b.Get(back); err != nil || len(res.Cookies) != 1 {
		t.Errorf("callback, the store is back = %d %s %v, want a session", res.StatusCode(), res.Reason, err)
	}
	store.broken = true
	if res, err := b.Get("https://app.example.com/?__eas_oauth_handler__=logout"); !unavailable(res, err) {
		t.Errorf("logout = %d %s %v, want 503 and the cookie kept", res.StatusCode(), res.Reason, err)
	}
	store.broken = false
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("after all of it: %v %s %v, want allow", res.Verdict, res.Reason, err)
	}
}

// Without its cookie a login is bound to no browser, as the option says; but its state is still sealed, and counts once.
func TestNoCSRFCookie(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) { c["csrf_cookie"] = map[string]any{"enabled": false} })
	b := logintest.NewBrowser(t, p, h.Provider)
	res, err := b.Get(deep)
	if err != nil || len(res.Cookies) != 0 {
		t.Fatalf("Verify sets %v, want no cookie: %v", res.Cookies, err)
	}
	back := b.Authorize(res)
	forged := strings.Replace(back, "state=", "state=A", 1)
	if res, err := b.Get(forged); err != nil || res.StatusCode() != http.StatusBadRequest || len(res.Cookies) > 0 {
		t.Errorf("an altered state: %d %v, want 400", res.StatusCode(), err)
	}
	if res, err := b.Get(back); err != nil || len(res.Cookies) != 1 {
		t.Fatalf("callback = %d %s %v, want a session", res.StatusCode(), res.Reason, err)
	}
	other := logintest.NewBrowser(t, p, h.Provider)
	if res, err := other.Get(back); err != nil || res.Verdict == plugins.Allow || len(res.Cookies) > 0 {
		t.Errorf("the same callback again: %d %v %v, want no session", res.StatusCode(), res.Cookies, err)
	}
	if n := h.Calls["authorization_code"]; n != 1 {
		t.Errorf("%d codes were exchanged, want 1: a used state is refused before", n)
	}
}

// Whatever error a provider sends back, nobody is logged in, and only errors that are known are repeated in the log.
func TestCallbackErrors(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, nil)
	tests := []struct{ name, code, reason string }{
		{"known", "invalid_scope", "check scopes"},
		{"its own", "<script>", "an error of its own"},
		{"neither code nor error", "", "neither code nor error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := logintest.NewBrowser(t, p, h.Provider)
			res, err := b.Get(deep)
			if err != nil {
				t.Fatal(err)
			}
			back := b.Authorize(res)
			start := strings.Index(back, "code=")
			end := start + strings.IndexAny(back[start:]+"&", "&")
			answer := back[:start] + "x=y" + back[end:]
			if tt.code != "" {
				answer = back[:start] + "error=" + tt.code + back[end:]
			}
			res, err = b.Get(answer)
			if err != nil || res.StatusCode() < 400 || len(res.Cookies) > 0 || !strings.Contains(res.Reason, tt.reason) {
				t.Errorf("callback = %d %q %v %v, want a failure with %q", res.StatusCode(), res.Reason, res.Cookies, err, tt.reason)
			}
			if strings.Contains(res.Reason, "<script>") || strings.Contains(string(res.Body), "<script>") {
				t.Error("what the browser brought is repeated")
			}
		})
	}
}
