//go:build linux && integration

package testserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

// A person logs in with a browser, at a provider on another site than the application's.
func TestBrowserLogsIn(t *testing.T) {
	p := provider(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-seen", Value: "yes", Path: "/", Secure: true, HttpOnly: true})
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><p>code: " + r.URL.Query().Get("code")))
	}))
	t.Cleanup(app.Close)
	back := strings.Replace(app.URL, "127.0.0.1", "app.localhost", 1) + "/callback"
	p.Configure(testserver.ProviderConfig{Clients: []map[string]any{{
		"client_id": "app", "client_secret": "s3cret", "redirect_uris": []string{back},
	}}})
	b := testserver.Chromium(t, "")
	t.Setenv("EASGATE_SCREENSHOTS", t.TempDir())
	status := b.Open(p.Issuer + "/auth?" + url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {back}, "state": {"x"},
	}.Encode())
	if status != 200 || !strings.HasPrefix(b.URL(), p.Issuer+"/interaction/") {
		t.Fatalf("%d at %s, want the login page", status, b.URL())
	}
	b.Screenshot("login page")
	b.Click("alice")
	if !strings.HasPrefix(b.URL(), back+"?code=") || strings.TrimSpace(b.Text()) == "code:" {
		t.Errorf("%q at %s, want a code at %s", b.Text(), b.URL(), back)
	}
	if c, ok := b.Cookies(back)["__Host-seen"]; !ok || !c.HTTPOnly {
		t.Errorf("cookie %+v, want a Secure one without TLS", c)
	}
	if got := testserver.Eval[int](b, "fetch('/').then(r => r.status)"); got != 200 {
		t.Errorf("fetch: %d", got)
	}
	if n := len(b.Stranger().Cookies(back)); n > 0 {
		t.Errorf("a stranger has %d of the cookies", n)
	}
	if other := b.Tab(); len(other.Cookies(back)) == 0 {
		t.Error("another tab has no cookies")
	}
	if files, err := os.ReadDir(os.Getenv("EASGATE_SCREENSHOTS")); err != nil || len(files) != 1 {
		t.Errorf("screenshots: %v, %v", files, err)
	}
}
