//go:build linux && integration

package testserver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/testserver"
)

const providerCallback = "http://127.0.0.1:1/callback"

func provider(t *testing.T) *testserver.Provider {
	t.Helper()
	return testserver.OpenIDProvider(t, testserver.ProviderConfig{Clients: []map[string]any{{
		"client_id": "app", "client_secret": "s3cret", "redirect_uris": []string{providerCallback},
		"grant_types": []string{"authorization_code", "refresh_token"},
	}}})
}

// login returns the code that alice's login leads to.
func login(t *testing.T, p *testserver.Provider) string {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	u, err := url.Parse(p.Login(jar, p.Issuer+"/auth?"+url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": {providerCallback}, "state": {"x"},
	}.Encode(), "alice"))
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("callback %v, %v, want a code", u, err)
	}
	return u.Query().Get("code")
}

type tokens struct {
	Error        string `json:"error"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
}

func token(t *testing.T, p *testserver.Provider, form url.Values) (tk tokens, err error) {
	t.Helper()
	form.Set("client_id", "app")
	form.Set("client_secret", "s3cret")
	res, err := http.PostForm(p.Issuer+"/token", form)
	if err != nil {
		return tk, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return tk, err
	}
	return tk, json.Unmarshal(text, &tk)
}

func byCode(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {providerCallback}}
}

func byRefresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// A refresh token is replaced when it is used; the use of a replaced one ends the grant, its successor included.
func TestProviderRotatesRefreshTokens(t *testing.T) {
	p := provider(t)
	first, err := token(t, p, byCode(login(t, p)))
	if err != nil || first.IDToken == "" || first.RefreshToken == "" {
		t.Fatalf("code: %+v, %v", first, err)
	}
	p.Requests()
	second, err := token(t, p, byRefresh(first.RefreshToken))
	if err != nil || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken {
		t.Fatalf("refresh: %+v, %v", second, err)
	}
	for _, refused := range []string{first.RefreshToken, second.RefreshToken} {
		if got, err := token(t, p, byRefresh(refused)); err != nil || got.Error != "invalid_grant" {
			t.Errorf("after reuse: %+v, %v, want invalid_grant", got, err)
		}
	}
	var grants []string
	for _, r := range p.Requests() {
		grants = append(grants, r.Grant+" "+r.Error)
	}
	if want := []string{"refresh_token ", "refresh_token invalid_grant", "refresh_token invalid_grant"}; !slices.Equal(grants, want) {
		t.Errorf("requests: %q, want %q", grants, want)
	}
}

func TestProviderFaults(t *testing.T) {
	p := provider(t)
	keys := func() string {
		res, err := http.Get(p.Issuer + "/jwks")
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return string(text)
	}
	before := keys()
	p.RotateKeys()
	if keys() == before {
		t.Error("the same keys after RotateKeys")
	}
	p.Break(testserver.Fault{Mode: "down", Path: "/token", Times: 1})
	if _, err := token(t, p, byCode("x")); err == nil {
		t.Error("/token answers, although it is down")
	}
	if got, err := token(t, p, byCode("x")); err != nil || got.Error != "invalid_grant" {
		t.Errorf("after the fault: %+v, %v", got, err)
	}
	p.Break(testserver.Fault{Mode: "html"})
	if keys() != "<!DOCTYPE html><title>Maintenance</title>" {
		t.Errorf("html: %.100s", keys())
	}
	p.Break(testserver.Fault{})

	first, err := token(t, p, byCode(login(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	p.Break(testserver.Fault{Mode: "lost", Path: "/token", Times: 1})
	if _, err := token(t, p, byRefresh(first.RefreshToken)); err == nil {
		t.Error("the lost answer arrived")
	}
	if got, err := token(t, p, byRefresh(first.RefreshToken)); err != nil || got.Error != "invalid_grant" {
		t.Errorf("after the lost answer: %+v, %v, want the token to be used up", got, err)
	}
	code := login(t, p)
	p.SkewClock(time.Hour)
	if got, err := token(t, p, byCode(code)); err != nil || got.Error != "invalid_grant" {
		t.Errorf("an hour later: %+v, %v, want the code to be too old", got, err)
	}
}
