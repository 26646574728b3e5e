//go:build linux && integration

package spa_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The app logs in, calls the API with a token that it never sees, and logs out.
func TestApp(t *testing.T) {
	p := testserver.OpenIDProvider(t, testserver.ProviderConfig{})
	// The API takes whoever the provider says that the token is about.
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, p.Issuer+"/me", nil)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		req.Header.Set("Authorization", r.Header.Get("Authorization"))
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusOK || r.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		defer res.Body.Close()
		_, _ = w.Write([]byte("called with a good token\n"))
	}))
	t.Cleanup(api.Close)
	var token string
	e := testserver.Easgate(t, func(e *testserver.EasgateServer) []string {
		claims := strings.NewReplacer("https://idp.example.com", p.Issuer, "REPLACE_ME", "s3cret").Replace(read(t, "token.json"))
		token = e.Seal(claims)
		return []string{`EAS_MOUNTS=[{"path":"/","config_token":"` + token + `"}]`}
	})
	n := testserver.Nginx(t, testserver.NginxConfig{
		Recipe: "../../nginx",
		Files: map[string]string{
			"easgate/site.conf": read(t, "site.conf"), "spa/index.html": read(t, "app/index.html"), "spa/app.js": read(t, "app/app.js"),
			"mime.types": "types { text/html html; text/javascript js; }",
		},
		Edits: map[string]string{
			"server 127.0.0.1:8080;": "server " + e.Addr + ";", "listen 80;": "listen {listen}; include {dir}/mime.types;",
			"app.example.com;": "app.localhost;", "REPLACE_ME": url.QueryEscape(token), "/srv/spa": "{dir}/spa", "http://127.0.0.1:3000": api.URL,
		},
	})
	_, port, _ := strings.Cut(n.Addr, ":")
	site := "http://app.localhost:" + port
	p.Configure(testserver.ProviderConfig{Clients: []map[string]any{{
		"client_id": "spa", "client_secret": "s3cret", "grant_types": []string{"authorization_code", "refresh_token"},
		"redirect_uris": []string{site + "/oauth/login?__eas_oauth_handler__=authorization_callback"},
	}}})

	b := testserver.Chromium(t, "")
	b.Open(site + "/")
	b.Wait("login")
	b.Screenshot("not logged in")
	if got := testserver.Eval[int](b, "fetch('/api/me').then(r => r.status)"); got != 401 {
		t.Errorf("the API without a session: %d, want 401", got)
	}
	b.Click("login")
	b.Click("alice")
	b.Wait("call")
	if b.URL() != site+"/" || !strings.Contains(b.Text(), "Hello, Alice Liddell.") {
		t.Fatalf("%s: %s", b.URL(), b.Text())
	}
	if got := testserver.Eval[string](b, "fetch('/api/me').then(r => r.text())"); got != "called with a good token\n" {
		t.Errorf("the API: %q", got)
	}
	if got := testserver.Eval[string](b, "document.cookie"); got != "" {
		t.Errorf("scripts see cookies: %s", got)
	}
	b.Screenshot("logged in")
	b.Click("logout")
	b.Wait("login")
	if !strings.Contains(b.Text(), "You are not logged in.") {
		t.Errorf("after the logout: %s: %s", b.URL(), b.Text())
	}
}
