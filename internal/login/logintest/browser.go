package logintest

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// A Browser keeps cookies and follows redirects, between a plugin that guards all sites and a provider.
type Browser struct {
	t        testing.TB
	Plugin   plugins.Plugin
	Provider *Provider
	Jar      http.CookieJar
	// Fixed serves /oauth/, if not nil.
	Fixed http.Handler
	// Header is sent with every request to the plugin.
	Header http.Header
	// Visited are the URLs that it went to.
	Visited []string
}

// NewBrowser returns a browser without cookies.
func NewBrowser(t testing.TB, p plugins.Plugin, provider *Provider) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, Plugin: p, Provider: provider, Jar: jar, Header: http.Header{"Accept": {"text/html"}}}
}

// Get asks the plugin about a URL, once, and keeps its cookies.
func (b *Browser) Get(address string) (plugins.Result, error) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	h := b.Header.Clone()
	for _, c := range b.Jar.Cookies(u) {
		h.Add("Cookie", c.Name+"="+c.Value)
	}
	res, err := b.Plugin.Verify(b.t.Context(), plugintest.Request{URL: address, Header: h}.Build())
	if len(res.Cookies) > 1 {
		b.t.Errorf("%s: %d cookies, and nginx relays one", address, len(res.Cookies))
	}
	b.Jar.SetCookies(u, res.Cookies)
	b.Visited = append(b.Visited, address)
	return res, err
}

// Authorize goes to the provider with the redirect of res, and returns where it sends the browser back to.
func (b *Browser) Authorize(res plugins.Result) string {
	b.t.Helper()
	location := res.Header.Get("Location")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(location)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		b.t.Fatalf("the provider answered %d to %s", resp.StatusCode, location)
	}
	return resp.Header.Get("Location")
}

// Login opens address and follows redirects to the end, which it returns.
func (b *Browser) Login(address string) plugins.Result {
	b.t.Helper()
	for range 10 {
		if u, err := url.Parse(address); err == nil && b.Fixed != nil && strings.HasPrefix(u.Path, "/oauth/") {
			w := httptest.NewRecorder()
			b.Fixed.ServeHTTP(w, httptest.NewRequest(http.MethodGet, u.RequestURI(), nil))
			address = w.Header().Get("Location")
		}
		res, err := b.Get(address)
		if err != nil {
			b.t.Fatalf("%s: %v", address, err)
		}
		switch location := res.Header.Get("Location"); {
		case res.Verdict == plugins.Allow || location == "":
			return res
		case len(location) > len(b.Provider.URL) && location[:len(b.Provider.URL)] == b.Provider.URL:
			address = b.Authorize(res)
		default:
			address = location
		}
	}
	b.t.Fatalf("no end: %.100q", b.Visited)
	return plugins.Result{}
}

// Cookies are what it sends to an address.
func (b *Browser) Cookies(address string) []*http.Cookie {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Jar.Cookies(u)
}

// Cookie is the value of one cookie that it sends to an address; "" for none.
func (b *Browser) Cookie(address, name string) string {
	for _, c := range b.Cookies(address) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
