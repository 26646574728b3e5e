package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/login/logintest"
)

const loginPage = "https://app.example.com/a%2Fb?x=1&y=%20"

// person is a browser behind a proxy that asks /verify about every URL but those of auth.example.com, which is easgate.
type person struct {
	t     *testing.T
	r     *running
	token string
	jar   *cookiejar.Jar
}

// open follows redirects from address to where they end.
func (p *person) open(address string) (status int, at string) {
	p.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 8 {
		u, err := url.Parse(address)
		if err != nil {
			p.t.Fatal(err)
		}
		target := address
		switch u.Host {
		case "app.example.com":
			target = p.r.url + "/verify?config_token=" + p.token
		case "auth.example.com":
			target = p.r.url + u.RequestURI()
		}
		req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, target, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, c := range p.jar.Cookies(u) {
			req.AddCookie(c)
		}
		for name, v := range map[string]string{"Method": "GET", "Proto": "https", "Host": u.Host, "Uri": u.RequestURI()} {
			req.Header.Set("X-Forwarded-"+name, v)
		}
		res, err := client.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		_ = res.Body.Close()
		p.jar.SetCookies(u, res.Cookies())
		location := res.Header.Get("Location")
		if location == "" {
			return res.StatusCode, address
		}
		address = location
	}
	p.t.Fatal("no end of redirects")
	return 0, ""
}

// A browser logs in, returns to where it wanted to go, and stays logged in until the provider ends its session.
func TestBrowserLogin(t *testing.T) {
	provider := logintest.NewProvider(t, time.Now)
	ring, err := configtoken.NewKeyring()
	if err != nil {
		t.Fatal(err)
	}
	env := "EAS_KEYRING=" + string(ring.JWKSet())
	token := sealed(t, `{"aud":"app","eas":{"plugins":[{"type":"oidc","issuer":{"discover_url":"`+provider.URL+`"},"scopes":["openid"],
		"client":{"client_id":"gate","client_secret":"s3cret"},"redirect_uri":"https://auth.example.com/oauth/callback"}]}}`, env)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, start(t, env), token, jar}
	for range 2 {
		if status, at := p.open(loginPage); status != http.StatusOK || at != loginPage {
			t.Fatalf("ends with %d at %s, want 200 at %s: %s", status, at, loginPage, p.r.log)
		}
	}
	if provider.Calls["authorization_code"] != 1 {
		t.Errorf("logged in %d times", provider.Calls["authorization_code"])
	}
	logout := provider.Sign(map[string]any{"iss": provider.URL, "aud": "gate", "iat": time.Now().Unix(), "jti": "1", "sub": "alice",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})
	res, err := http.PostForm(p.r.url+"/oauth/backchannel-logout?backchannel_config_token="+token, url.Values{"logout_token": {logout}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("back-channel logout = %d: %s", res.StatusCode, p.r.log)
	}
	if status, _ := p.open(loginPage); status != http.StatusOK || provider.Calls["authorization_code"] != 2 {
		t.Errorf("after the logout: %d, logged in %d times, want a second login", status, provider.Calls["authorization_code"])
	}
	for _, secret := range []string{"s3cret", token, logout, "at-1", "code-1"} {
		if strings.Contains(p.r.log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, p.r.log)
		}
	}
}
