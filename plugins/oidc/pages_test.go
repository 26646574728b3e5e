package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/oidc"
	"github.com/easgate/easgate/plugins/plugintest"
)

const site = "https://app.example.com"

// open asks for a page of the browser's plugin, mounted at the site's root, and keeps its cookies.
func open(t *testing.T, b *logintest.Browser, method, address string, header http.Header) plugins.PageResult {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if header == nil {
		header = http.Header{"Accept": {"text/html"}}
	}
	header = header.Clone()
	for _, c := range b.Jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	r := plugintest.Request{Method: method, URL: address, Header: header}.Build()
	for _, page := range b.Plugin.(plugins.Pages).Pages() {
		if page.Path != u.Path || page.Method != method && (page.Method != "" || method != http.MethodGet) {
			continue
		}
		if !page.Public {
			t.Fatalf("%s is not public", page.Path)
		}
		res, err := page.Serve(t.Context(), &plugins.PageRequest{Method: method, URL: r.URL, Header: r.Header, Source: r.Source})
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		b.Jar.SetCookies(u, res.Cookies)
		return res
	}
	t.Fatalf("no page %s %s", method, u.Path)
	return plugins.PageResult{}
}

// enter logs in by the page for it, and returns where that leads.
func enter(t *testing.T, b *logintest.Browser, query string) string {
	t.Helper()
	start := open(t, b, http.MethodGet, site+"/oauth/login"+query, nil)
	if start.Status != http.StatusFound {
		t.Fatalf("login%s = %d %s, want a redirect", query, start.Status, start.Body)
	}
	res, err := b.Get(b.Authorize(plugins.Result{Header: start.Header}))
	if err != nil || res.StatusCode() != http.StatusFound {
		t.Fatalf("callback = %d %s %v, want a redirect", res.StatusCode(), res.Reason, err)
	}
	return res.Header.Get("Location")
}

// A single-page app starts the login itself, asks who is logged in, and logs out.
func TestPages(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	script := http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}}
	res := open(t, b, http.MethodGet, site+"/oauth/userinfo", script)
	if res.Status != http.StatusUnauthorized || len(res.Cookies) > 0 || res.Header.Get("Www-Authenticate") == "" ||
		res.Header.Get("Location") != "" || !json.Valid(res.Body) {
		t.Errorf("userinfo without a session = %d %v %s, want 401 and no login begun", res.Status, res.Header, res.Body)
	}
	if got := enter(t, b, ""); got != site+"/" {
		t.Errorf("a login leads to %s", got)
	}
	if res := open(t, b, http.MethodGet, site+"/oauth/userinfo", script); string(res.Body) != `{"name":"Алиса","sub":"alice"}`+"\n" &&
		string(res.Body) != `{"name":"Алиса","sub":"alice"}` || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("userinfo = %d %v %s", res.Status, res.Header, res.Body)
	}
	if got := enter(t, b, "?redirect_uri=%2Fa%3Fb%3D1"); got != site+"/a?b=1" {
		t.Errorf("a login for /a?b=1 leads to %s", got)
	}
	res = open(t, b, http.MethodPost, site+"/oauth/logout", script)
	if res.Status != http.StatusOK || res.Cookies[0].MaxAge >= 0 {
		t.Errorf("logout = %d %v", res.Status, res.Cookies)
	}
	if res := open(t, b, http.MethodGet, site+"/oauth/userinfo", script); res.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after logout = %d, want 401", res.Status)
	}
}

// The page for logins leads to its own site or a list only.
func TestLoginPageLeadsHome(t *testing.T) {
	h := newHouse(t)
	b := logintest.NewBrowser(t, h.plugin(t, func(c map[string]any) {
		c["pages"] = map[string]any{"redirect_uris": []string{"https://www.example.com/x"}}
	}), h.Provider)
	for target, ok := range map[string]bool{
		"/x": true, site + "/x": true, "https://www.example.com/y": true, "https://evil.example.com": false, "//evil.example.com": false,
		"/\\evil.example.com": false, "javascript:alert(1)": false, "http://www.example.com/": false, "https://www.example.com@evil.example.com": false,
		"/" + strings.Repeat("x", 4000): false,
	} {
		res := open(t, b, http.MethodGet, site+"/oauth/login?redirect_uri="+url.QueryEscape(target), nil)
		if ok != (res.Status == http.StatusFound) {
			t.Errorf("login for %.60q = %d", target, res.Status)
		}
	}
	if got := enter(t, b, "?redirect_uri=https://www.example.com/y"); got != "https://www.example.com/y" {
		t.Errorf("a login leads to %s", got)
	}
}

// Another site logs nobody out, unless it sends the browser there.
func TestLogoutPageCSRF(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) {
		c["pages"] = map[string]any{"redirect_uris": []string{"https://www.example.com"}}
		c["cookie"] = map[string]any{"sameSite": "none"}
	})
	for _, tt := range []struct {
		name, method string
		header       http.Header
		out          bool
	}{
		{"an image", http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, false},
		{"a frame", http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, false},
		{"a script", http.MethodPost, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}, "Origin": {"https://evil.example.com"}}, false},
		{"an old browser's form", http.MethodPost, http.Header{"Origin": {"https://evil.example.com"}}, false},
		{"a form of nowhere", http.MethodPost, http.Header{"Origin": {"null"}}, false},
		{"a link", http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, true},
		{"a listed site's script", http.MethodPost, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}, "Origin": {"https://www.example.com"}}, true},
		{"our own form", http.MethodPost, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}, "Origin": {site}}, true},
		{"a program", http.MethodPost, http.Header{}, true},
	} {
		b := logintest.NewBrowser(t, p, h.Provider)
		enter(t, b, "")
		before := b.Cookies(site)
		open(t, b, tt.method, site+"/oauth/logout", tt.header)
		u, _ := url.Parse(site)
		b.Jar.SetCookies(u, before)
		if res := open(t, b, http.MethodGet, site+"/oauth/userinfo", nil); tt.out != (res.Status == http.StatusUnauthorized) {
			t.Errorf("%s: userinfo = %d afterwards, logged out: want %v", tt.name, res.Status, tt.out)
		}
	}
}

// What a token handler is like: paths of its own, one place for logins, redirect_uri among the pages, failures in JSON.
func TestPagesOfATokenHandler(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) {
		c["redirect_uri"] = site + "/callback"
		c["pages"] = map[string]any{
			"login": "/login", "logout": "/logout", "userinfo": "/userinfo", "callback": []string{"/callback"}, "only": true, "errors": "status",
			"after_login": "https://www.example.com/welcome", "after_logout": "https://www.example.com/bye",
		}
		c["features"] = map[string]any{"logout": map[string]any{
			"end_provider_session": map[string]any{"enabled": true, "post_logout_redirect_uri": "https://www.example.com/bye"}}}
	})
	b := logintest.NewBrowser(t, p, h.Provider)
	denied := func(name string, status int, body []byte) {
		t.Helper()
		var e struct {
			Code            int
			Status, Message string
			Timestamp       time.Time
		}
		if err := json.Unmarshal(body, &e); err != nil || e.Code != status || e.Status != http.StatusText(status) || e.Message == "" || e.Timestamp.IsZero() {
			t.Errorf("%s = %s %v, want a failure with code %d", name, body, err, status)
		}
	}
	res, err := b.Get(deep)
	if err != nil || res.StatusCode() != http.StatusUnauthorized || res.Header.Get("Location") != "" || len(res.Cookies) > 0 {
		t.Errorf("without a session: %d %v %v, want 401 and no login", res.StatusCode(), res.Header, err)
	}
	denied("without a session", 401, res.Body)
	bad := open(t, b, http.MethodGet, site+"/callback?code=x", nil)
	denied("a callback without state", 400, bad.Body)
	start := open(t, b, http.MethodGet, site+"/login", nil)
	back := b.Authorize(plugins.Result{Header: start.Header})
	if !strings.HasPrefix(back, site+"/callback?") {
		t.Fatalf("the provider sends browsers to %s", back)
	}
	if end := open(t, b, http.MethodGet, back, nil); end.Header.Get("Location") != "https://www.example.com/welcome" {
		t.Errorf("callback = %d %v %s", end.Status, end.Header, end.Body)
	}
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("with a session: %d %v", res.StatusCode(), err)
	}
	end := open(t, b, http.MethodGet, site+"/logout", nil)
	u, _ := url.Parse(end.Header.Get("Location"))
	if q := u.Query(); !strings.HasPrefix(u.String(), h.URL+"/logout?") || q.Get("post_logout_redirect_uri") != "https://www.example.com/bye" ||
		q.Get("id_token_hint") == "" || q.Has("state") {
		t.Errorf("logout leads to %s", u)
	}
	if end := open(t, b, http.MethodGet, site+"/logout", nil); end.Header.Get("Location") != "https://www.example.com/bye" {
		t.Errorf("a second logout leads to %v", end.Header)
	}
}

func TestPagesAreOff(t *testing.T) {
	h := newHouse(t)
	p := h.plugin(t, func(c map[string]any) { c["pages"] = map[string]any{"enabled": false} })
	if pages := p.(plugins.Pages).Pages(); len(pages) > 0 {
		t.Errorf("pages = %v, want none", pages)
	}
}

func TestPageOptions(t *testing.T) {
	h := newHouse(t)
	for options, want := range map[string]string{
		`{"login":"login"}`:                  "pages.login: want a path",
		`{"userinfo":"/x?y"}`:                "pages.userinfo: want a path",
		`{"callback":["x"]}`:                 "pages.callback[0]: want a path",
		`{"login":"/x","logout":"/x"}`:       `"/x" is the path of two of them`,
		`{"errors":"html"}`:                  "pages.errors: want page or status",
		`{"after_login":"//x"}`:              "pages.after_login: want an http or https URL, or a path",
		`{"after_logout":"ftp://x"}`:         "pages.after_logout: want an http or https URL",
		`{"redirect_uris":["https://a@b/"]}`: "pages.redirect_uris[0]: want an http or https URL",
	} {
		raw := `{"issuer":{"discover_url":"https://i"},"scopes":["openid"],"client":{"client_id":"c"},"pages":` + options + `}`
		if _, err := buildRaw(raw, h.env(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}

func buildRaw(raw string, env plugins.Env) (plugins.Plugin, error) {
	return plugintest.Build(plugins.Of(oidc.New), json.RawMessage(raw), env)
}
