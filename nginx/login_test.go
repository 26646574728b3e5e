//go:build linux && integration

package nginx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/testserver"
)

// loginSite is nginx with the recipe for three services: two that share logins and one that does not.
const loginSite = `include easgate/easgate.conf;
map $host $service { default app; "~^other\." other; "~^alone\." alone; }
map $service $token { app "APP_TOKEN"; other "OTHER_TOKEN"; alone "ALONE_TOKEN"; }
server {
    listen LISTEN;
    server_name .example.localhost;
    include easgate/server.conf;
    location = /_auth {
        set $eas_params "config_token=$token";
        include easgate/verify.conf;
    }
    location / {
        include easgate/browser.conf;
        proxy_pass http://APPLICATION;
    }
}
`

// A loginFixture is a provider, easgate and an application behind nginx.
type loginFixture struct {
	t        *testing.T
	provider *testserver.Provider
	easgate  *testserver.EasgateServer
	// port is nginx's.
	port string
}

func (f *loginFixture) url(host, path string) string {
	return "http://" + host + ".example.localhost:" + f.port + path
}

const handler = "?__eas_oauth_handler__=authorization_callback"

// newLogins starts all of it. filler makes alice's ID token large.
func newLogins(t *testing.T, filler int) *loginFixture {
	t.Helper()
	f := &loginFixture{t: t}
	f.provider = testserver.OpenIDProvider(t, testserver.ProviderConfig{Accounts: map[string]map[string]any{
		"alice": {"name": "Alice Liddell", "email": "alice@example.com", "filler": strings.Repeat("x", filler)}, "bob": {"name": "Bob Builder"},
	}})
	f.easgate = testserver.Easgate(t, func(*testserver.EasgateServer) []string {
		return []string{"EAS_PROXY_PROFILE=nginx", "EAS_TRUSTED_PROXIES=127.0.0.1"}
	})
	token := func(aud string) string {
		claims, err := json.Marshal(map[string]any{"aud": aud, "eas": map[string]any{"plugins": []any{map[string]any{
			"type": "oidc", "scopes": []string{"openid", "profile", "email"}, "issuer": map[string]any{"discover_url": f.provider.Issuer},
			"client": map[string]any{"client_id": "app", "client_secret": "s3cret"}, "cookie": map[string]any{"domain": "example.localhost"},
			"csrf_cookie": map[string]any{"domain": "example.localhost"},
			"custom_service_headers": map[string]any{"X-Auth-Subject": map[string]any{
				"source": "identity", "query_engine": "jp", "query": "$.subject", "query_opts": map[string]any{"single_value": true},
			}},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		return url.QueryEscape(f.easgate.Seal(string(claims)))
	}
	n := testserver.Nginx(t, testserver.NginxConfig{
		Recipe: ".", Files: map[string]string{"easgate/site.conf": loginSite},
		Edits: map[string]string{
			"server 127.0.0.1:8080;": "server " + f.easgate.Addr + ";", "APPLICATION": application(t), "LISTEN": "{listen}",
			"APP_TOKEN": token("shared"), "OTHER_TOKEN": token("shared"), "ALONE_TOKEN": token("alone"),
		},
	})
	_, f.port, _ = strings.Cut(n.Addr, ":")
	var redirects []string
	for _, host := range []string{"app", "other", "alone"} {
		for _, path := range []string{"/", "/deep/link", "/ws"} {
			redirects = append(redirects, f.url(host, path+handler))
		}
	}
	f.provider.Configure(testserver.ProviderConfig{Clients: []map[string]any{{
		"client_id": "app", "client_secret": "s3cret", "redirect_uris": redirects, "grant_types": []string{"authorization_code", "refresh_token"},
	}}})
	return f
}

// subject is whom the page in b says that the application was called as; "" for no such page.
func (f *loginFixture) subject(b *testserver.Browser) string {
	var app seen
	if json.Unmarshal([]byte(b.Text()), &app) != nil {
		return ""
	}
	return app.Header.Get("X-Auth-Subject")
}

// A person's way, in a browser: login, deep link, single sign-on, no leak, a script without a session, logout.
func TestLoginInABrowser(t *testing.T) {
	f := newLogins(t, 0)
	b := testserver.Chromium(t, "")
	deep := f.url("app", "/deep/link?a=1&b=%2F%20x")
	b.Open(deep)
	b.Screenshot("provider")
	b.Click("alice")
	if b.URL() != deep || f.subject(b) != "alice" {
		t.Fatalf("after the login: %s: %s", b.URL(), b.Text())
	}
	b.Screenshot("logged in")
	if text := b.Text(); strings.Contains(text, "X-Forwarded-Uri") {
		t.Errorf("the application sees how it was asked about: %s", text)
	}
	f.provider.Requests()
	if b.Open(f.url("other", "/")); f.subject(b) != "alice" || len(f.provider.Requests()) > 0 {
		t.Errorf("the second service with the same aud: %s: %s", b.URL(), b.Text())
	}
	// Another aud is another session: the provider is asked, and knows her.
	if b.Open(f.url("alone", "/")); f.subject(b) != "alice" || len(f.provider.Requests()) == 0 {
		t.Errorf("a service with another aud: %s: %s", b.URL(), b.Text())
	}
	b.Open(f.url("app", "/"))
	if got := testserver.Eval[int](b, "fetch('/x').then(r => r.status)"); got != 200 {
		t.Errorf("a script of hers: %d", got)
	}
	tab := b.Tab()
	tab.Open(f.url("app", "/?__eas_oauth_handler__=logout"))
	tab.Screenshot("logged out")
	// The other tab is still open: its script is told, and not led to a page that it cannot show.
	if got := testserver.Eval[int](b, "fetch('/x').then(r => r.status)"); got != 401 {
		t.Errorf("a script after the logout: %d, want 401", got)
	}
	if tab.Open(f.url("other", "/")); f.subject(tab) != "alice" { // the provider's session goes on, and logs her in again
		t.Errorf("after the logout here: %s: %s", tab.URL(), tab.Text())
	}
	s := b.Stranger()
	s.Open(deep)
	s.Click("refuse")
	s.Screenshot("refused")
	if !strings.Contains(s.Text(), "Reference: ") || f.subject(s) != "" {
		t.Errorf("refused: %s: %s", s.URL(), s.Text())
	}
}

// A session that has ended is noticed by a page that was open all the time.
func TestSessionEnds(t *testing.T) {
	f := newLogins(t, 0)
	c := browserClient()
	f.login(c, "/deep/link")
	f.easgate.Kill() // a session in memory ends with the process
	f.easgate.Start()
	status, _, res := f.get(c, f.url("app", "/x"), "Sec-Fetch-Mode", "cors")
	if status != 401 || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a script whose session has ended: %d %v, want 401 and a challenge", status, res.Header)
	}
	if status, to, _ := f.get(c, f.url("app", "/deep/link")); status != 302 || !strings.HasPrefix(to, f.provider.Issuer) {
		t.Errorf("a page whose session has ended: %d to %s, want a login", status, to)
	}
}

// A browser without cookies gets a page, not a loop.
func TestLoginWithoutCookies(t *testing.T) {
	f := newLogins(t, 0)
	b := testserver.Chromium(t, `{"profile":{"block_third_party_cookies":true,"default_content_setting_values":{"cookies":2},"content_settings":{"exceptions":{"cookies":{"http://127.0.0.1,*":{"setting":1}}}}}}`)
	b.Open(f.url("app", "/deep/link"))
	b.Click("alice")
	b.Screenshot("no cookies")
	if !strings.Contains(b.Text(), "Reference: ") {
		t.Errorf("%s: %s", b.URL(), b.Text())
	}
}

// browserClient is an HTTP client with cookies that resolves names below localhost, and follows no redirect.
func browserClient() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, Transport: loopback, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (f *loginFixture) get(c *http.Client, target string, headers ...string) (status int, location string, res *http.Response) {
	f.t.Helper()
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err = c.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header.Get("Location"), res
}

// login logs in at path, and returns the URL that the provider sent the browser back to.
func (f *loginFixture) login(c *http.Client, path string) (callback string) {
	f.t.Helper()
	status, location, _ := f.get(c, f.url("app", path))
	if status != http.StatusFound {
		f.t.Fatalf("%s: %d, want a redirect to log in", path, status)
	}
	jar, _ := cookiejar.New(nil)
	callback = f.provider.Login(jar, location, "alice")
	if status, to, _ := f.get(c, callback); status != http.StatusFound || to != f.url("app", path) {
		f.t.Fatalf("callback: %d to %s, want %s", status, to, f.url("app", path))
	}
	return callback
}

func TestLoginAttempts(t *testing.T) {
	f := newLogins(t, 0)
	c := browserClient()
	used := f.login(c, "/deep/link?x=1")
	if status, _, _ := f.get(c, f.url("app", "/deep/link")); status != 200 {
		t.Fatalf("logged in: %d", status)
	}
	deny := func(name string, c *http.Client, target string) {
		t.Helper()
		if status, _, res := f.get(c, target); status < 400 || status > 499 || len(res.Cookies()) > 0 && res.Cookies()[0].Value != "" {
			t.Errorf("%s: %d %v, want a denial that sets nothing", name, status, res.Cookies())
		}
	}
	deny("ATTACKS 30: a used state", c, used)
	deny("ATTACKS 27: no state", c, f.url("app", "/deep/link"+handler+"&code=x"))
	u, _ := url.Parse(used)
	q := u.Query()
	q.Set("state", strings.Repeat("A", 200))
	u.RawQuery = q.Encode()
	deny("a state that nobody sealed", c, u.String())
	// What another browser began is not this one's login.
	theirs := browserClient()
	_, location, _ := f.get(theirs, f.url("app", "/deep/link"))
	jar, _ := cookiejar.New(nil)
	deny("another browser's login", browserClient(), f.provider.Login(jar, location, "bob"))
	if status, _, _ := f.get(c, f.url("app", "/deep/link")); status != 200 {
		t.Errorf("after all that: %d, want the session unchanged", status)
	}
	for name, headers := range map[string][]string{
		"a script": {"Sec-Fetch-Mode", "cors"}, "an upgrade": {"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Key", "x"},
	} {
		status, to, res := f.get(browserClient(), f.url("app", "/x"), headers...)
		if status != 401 {
			t.Errorf("%s without a session: %d to %s, %v, want 401", name, status, to, res.Header)
		}
	}
}

// Fifty tabs of one browser log in at once, and all of them arrive.
func TestFiftyTabsLogIn(t *testing.T) {
	f := newLogins(t, 0)
	c := browserClient()
	type attempt struct{ path, location string }
	var attempts []attempt
	for i := range 50 {
		path := fmt.Sprintf("/deep/link?tab=%d", i)
		_, location, _ := f.get(c, f.url("app", path))
		attempts = append(attempts, attempt{path, location})
	}
	var wg sync.WaitGroup
	for _, a := range attempts {
		wg.Go(func() {
			jar, _ := cookiejar.New(nil)
			back := f.provider.Login(jar, a.location, "alice")
			if status, to, _ := f.get(c, back); status != http.StatusFound || to != f.url("app", a.path) {
				t.Errorf("%s: %d to %s", a.path, status, to)
			}
		})
	}
	wg.Wait()
	if status, _, _ := f.get(c, f.url("app", "/")); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

// An ID token of 4 KB, and its cookie and state, pass nginx's buffers as the recipe sets them.
func TestLargeIDToken(t *testing.T) {
	f := newLogins(t, 4096)
	c := browserClient()
	f.login(c, "/deep/link")
	if status, _, _ := f.get(c, f.url("app", "/")); status != 200 {
		t.Errorf("%d, want 200", status)
	}
}

func TestProviderDown(t *testing.T) {
	f := newLogins(t, 0)
	c := browserClient()
	f.login(c, "/deep/link")
	f.provider.Break(testserver.Fault{Mode: "down"})
	if status, _, _ := f.get(c, f.url("app", "/")); status != 200 {
		t.Errorf("logged in, with the provider down: %d, want 200", status)
	}
	f.provider.Break(testserver.Fault{})
	_, location, _ := f.get(browserClient(), f.url("app", "/deep/link"))
	if location == "" {
		t.Error("no login after the provider came back")
	}
	other := browserClient()
	_, location, _ = f.get(other, f.url("app", "/deep/link"))
	jar, _ := cookiejar.New(nil)
	back := f.provider.Login(jar, location, "alice")
	f.provider.Break(testserver.Fault{Mode: "down", Path: "/token"})
	if status, _, _ := f.get(other, back); status < 500 {
		t.Errorf("the token endpoint is down: %d, want a failure", status)
	}
	f.provider.Break(testserver.Fault{})
	f.provider.SkewClock(30 * time.Second)
	skewed := browserClient()
	_, location, _ = f.get(skewed, f.url("app", "/deep/link"))
	jar, _ = cookiejar.New(nil)
	if status, _, _ := f.get(skewed, f.provider.Login(jar, location, "alice")); status != http.StatusForbidden {
		t.Errorf("a provider whose clock is 30 s ahead: %d, want a denial that the log explains", status)
	}
	if !strings.Contains(f.easgate.Log(), "clock") {
		t.Error("the log does not name the clock")
	}
}

// loopback resolves every name to this machine.
var loopback = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}}
