package demoprovider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	site     = "http://127.0.0.1:8000"
	callback = site + "/private/?__eas_oauth_handler__=authorization_callback"
)

func start(t *testing.T, now *time.Time) (*Provider, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	p, err := New(Config{Issuer: "http://" + s.Listener.Addr().String(), Site: site, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = p
	s.Start()
	t.Cleanup(s.Close)
	return p, s
}

// ask sends a form, follows no redirect, and returns status, place to go and JSON.
func ask(t *testing.T, to string, form url.Values) (status int, location *url.URL, body map[string]any) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(to, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(text, &body) // pages are no JSON
	location, _ = res.Location()
	return res.StatusCode, location, body
}

func request(verifier string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {"demo"}, "response_type": {"code"}, "redirect_uri": {callback}, "state": {"s"}, "nonce": {"n"},
		"scope": {"openid"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "person": {"bob"},
	}
}

func code(t *testing.T, s *httptest.Server, verifier string) string {
	t.Helper()
	status, to, _ := ask(t, s.URL+"/authorize", request(verifier))
	if status != 303 || to == nil || to.Query().Get("state") != "s" || !strings.HasPrefix(to.String(), site+"/private/?") ||
		to.Query().Get("__eas_oauth_handler__") == "" {
		t.Fatalf("authorize: %d to %v", status, to)
	}
	return to.Query().Get("code")
}

func exchange(p *Provider, code, verifier string) url.Values {
	id, secret := p.Client()
	return url.Values{
		"client_id": {id}, "client_secret": {secret}, "grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {callback}, "code_verifier": {verifier},
	}
}

func TestLogin(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p, s := start(t, &now)
	once := code(t, s, "v")
	status, _, got := ask(t, s.URL+"/token", exchange(p, once, "v"))
	if status != 200 {
		t.Fatalf("token: %d %v", status, got)
	}
	signed, err := jose.ParseSignedCompact(got["id_token"].(string), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.Verify(p.keys.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil || claims["sub"] != "bob" || claims["nonce"] != "n" || claims["iss"] != s.URL || claims["aud"] != "demo" {
		t.Errorf("claims: %v, %v", claims, err)
	}
	req, _ := http.NewRequest("GET", s.URL+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+got["access_token"].(string))
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != 200 {
		t.Errorf("userinfo: %v, %v", res, err)
	}
	id, secret := p.Client()
	refresh := url.Values{"client_id": {id}, "client_secret": {secret}, "grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}}
	if status, _, _ := ask(t, s.URL+"/token", refresh); status != 200 {
		t.Errorf("refresh: %d", status)
	}
	if status, _, _ := ask(t, s.URL+"/token", refresh); status != 400 {
		t.Errorf("the same refresh token again: %d, want 400", status)
	}
	if status, _, _ := ask(t, s.URL+"/token", exchange(p, once, "v")); status != 400 {
		t.Errorf("the same code again: %d, want 400", status)
	}
}

func TestRefused(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p, s := start(t, &now)
	for _, to := range []string{"https://evil.example/", site + ".evil.example/", "http://127.0.0.1:8000@evil.example/", "//127.0.0.1:8000/", "", site + "/#x"} {
		form := request("v")
		form.Set("redirect_uri", to)
		if status, location, _ := ask(t, s.URL+"/authorize", form); status != 400 || location != nil {
			t.Errorf("redirect_uri %q: %d to %v, want 400", to, status, location)
		}
	}
	form := request("v")
	form.Set("person", "")
	if _, to, _ := ask(t, s.URL+"/authorize", form); to == nil || to.Query().Get("error") != "access_denied" {
		t.Errorf("nobody: %v, want access_denied", to)
	}
	if status, _, _ := ask(t, s.URL+"/token", exchange(p, code(t, s, "v"), "another")); status != 400 {
		t.Errorf("another verifier: %d, want 400", status)
	}
	wrong := exchange(p, code(t, s, "v"), "v")
	wrong.Set("client_secret", "guess")
	if status, _, _ := ask(t, s.URL+"/token", wrong); status != 401 {
		t.Errorf("another secret: %d, want 401", status)
	}
	late := code(t, s, "v")
	now = now.Add(2 * time.Minute)
	if status, _, _ := ask(t, s.URL+"/token", exchange(p, late, "v")); status != 400 {
		t.Errorf("a code of two minutes ago: %d, want 400", status)
	}
}
