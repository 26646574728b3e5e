package jwt_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
)

// answering replaces the issuer's answer at one path; the others stay.
func (i *issuer) answering(t testing.TB, path string, reply func(r *http.Request) *http.Response) plugins.Env {
	env := i.env(t)
	env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == path {
			return reply(r), nil
		}
		return i.RoundTrip(r)
	})}
	return env
}

// described is the issuer's metadata with more members, or others.
func described(more string) string {
	return `{"issuer":"` + issuerURL + `","token_endpoint":"` + issuerURL + `/token","introspection_endpoint":"` + issuerURL + `/introspect",
		"userinfo_endpoint":"` + issuerURL + `/userinfo","jwks_uri":"` + issuerURL + `/jwks"` + more + `}`
}

const discovery = "/.well-known/openid-configuration"

// How the client authenticates is said by the configuration, its registration, or the issuer.
func TestClientAuthentication(t *testing.T) {
	ours := newKey(t, jose.ES256, "gate-1")
	private, err := json.Marshal(ours.jwk)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(string(private))
	if err != nil {
		t.Fatal(err)
	}
	const registered = `"registration_client_uri":"` + issuerURL + `/register/2","registration_access_token":"regtoken"`
	for _, tt := range []struct{ name, metadata, client, registration, want string }{
		{"nobody says", ``, `"client_id":"gate","client_secret":"s"`, ``, "client_secret_basic"},
		{"the issuer, of introspection", `,"introspection_endpoint_auth_methods_supported":["client_secret_post"],"token_endpoint_auth_methods_supported":["client_secret_basic"]`,
			`"client_id":"gate","client_secret":"s"`, ``, "client_secret_post"},
		{"the issuer, of tokens", `,"token_endpoint_auth_methods_supported":["client_secret_post"]`, `"client_id":"gate","client_secret":"s"`, ``, "client_secret_post"},
		{"the issuer, oddly", `,"token_endpoint_auth_methods_supported":"client_secret_post"`, `"client_id":"gate","client_secret":"s"`, ``, "client_secret_basic"},
		{"a key", ``, `"client_id":"gate","private_key":` + string(key), ``, "private_key_jwt"},
		{"the configuration", `,"token_endpoint_auth_methods_supported":["client_secret_post"]`,
			`"client_id":"gate","client_secret":"s","token_endpoint_auth_method":"client_secret_basic"`, ``, "client_secret_basic"},
		{"no authentication", ``, `"client_id":"gate","token_endpoint_auth_method":"none"`, ``, "none"},
		{"the registration", ``, registered, `,"client_secret":"s","token_endpoint_auth_method":"client_secret_post"`, "client_secret_post"},
		{"the registration, a key", ``, registered + `,"token_endpoint_auth_method":"private_key_jwt","private_key":` + string(key), ``, "private_key_jwt"},
		{"the registration, nothing", ``, registered, `,"token_endpoint_auth_method":"none"`, "none"},
		{"the configuration, not the registration", ``, registered + `,"token_endpoint_auth_method":"client_secret_basic"`,
			`,"client_secret":"s","token_endpoint_auth_method":"client_secret_post"`, "client_secret_basic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			env := i.env(t)
			var got string
			env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
				switch r.URL.Path {
				case discovery:
					return answer(r, http.StatusOK, described(tt.metadata)), nil
				case "/register/2":
					return answer(r, http.StatusOK, `{"client_id":"gate"`+tt.registration+`}`), nil
				case "/introspect":
					got = authenticated(t, r)
					return answer(r, http.StatusOK, `{"active":true}`), nil
				}
				return i.RoundTrip(r)
			})}
			p := build(t, oidc(`"client":{`+tt.client+`},"features":{"introspect_access_token":true}`), env)
			if status := status(t, p, i.token(t)); status != http.StatusOK || got != tt.want {
				t.Errorf("Verify = %d, by %s, want 200 by %s", status, got, tt.want)
			}
		})
	}
}

// authenticated names the method by which a request is authenticated.
func authenticated(t *testing.T, r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("token") == "" {
		t.Errorf("form = %s", body)
	}
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && id == "gate" && secret == "s" && form.Get("client_id") == "":
		return "client_secret_basic"
	case basic || form.Get("client_id") != "gate":
	case form.Get("client_secret") == "s":
		return "client_secret_post"
	case form.Get("client_assertion") != "":
		return "private_key_jwt"
	case len(form) == 2:
		return "none"
	}
	return "something else: " + r.Header.Get("Authorization") + string(body)
}

// An endpoint that does not take our client refuses everybody: it is our fault, and said to be.
func TestOurClientIsRefused(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{401, ``, `introspection: the endpoint refused our client "my gate" (status 401, client_secret_basic): check oidc.client`},
		{400, `{"error":"invalid_client"}`, `introspection: the endpoint refused our client "my gate" (status 400, client_secret_basic): check oidc.client`},
		{500, `a:b`, `introspection: status 500`},
	} {
		i := newIssuer(t)
		i.active, i.status = tt.body, tt.status
		p := build(t, oidc(myGate+`,"features":{"introspect_access_token":true}`), i.env(t))
		if _, err := p.Verify(t.Context(), request(i.token(t))); err == nil || err.Error() != tt.want {
			t.Errorf("Verify = %v, want %s", err, tt.want)
		}
	}
}

// What is odd about an issuer matters to whoever uses it.
func TestOddEndpoints(t *testing.T) {
	for _, tt := range []struct{ odd, used string }{
		{`"end_session_endpoint":{"x":1}`, ""},
		{`"revocation_endpoint":null`, ""},
		{`"issuer":5`, ""},
		{`"userinfo_endpoint":"/userinfo"`, "fetch_userinfo"},
		{`"userinfo_endpoint":"urn:x"`, "fetch_userinfo"},
		{`"introspection_endpoint":["x"]`, "introspect_access_token"},
		{`"introspection_endpoint":"://"`, "introspect_access_token"},
	} {
		i := newIssuer(t)
		env := i.answering(t, discovery, func(r *http.Request) *http.Response { return answer(r, http.StatusOK, described(","+tt.odd)) })
		if got := status(t, build(t, oidc(myGate), env), i.token(t)); got != http.StatusOK {
			t.Errorf("%s: Verify = %d, want 200", tt.odd, got)
		}
		if tt.used == "" {
			continue
		}
		p := build(t, oidc(myGate+`,"features":{"`+tt.used+`":true}`), env)
		if got := status(t, p, i.token(t)); got != http.StatusServiceUnavailable {
			t.Errorf("%s: Verify with %s = %d, want 503", tt.odd, tt.used, got)
		}
	}
}

// What clients can cause (unknown key ids, tokens that are refused, connections that are given up) never counts against
// the issuer: the next one's good token is asked about and passes.
func TestClientsCannotBreakTheIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		env := i.env(t)
		env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return i.RoundTrip(r)
		})}
		p := build(t, oidc(myGate+`,"features":{"introspect_access_token":true,"fetch_userinfo":true}`), env)
		stranger := newKey(t, jose.ES256, "x")
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*100*time.Millisecond)
				defer cancel()
				token := i.token(t)
				if n%2 == 0 {
					token = stranger.sign(t, claims)
				}
				_, _ = p.Verify(ctx, request(token))
			})
		}
		wg.Wait()
		i.set(func() { i.active = `{"active":false}` })
		refused := i.key.sign(t, map[string]any{"sub": "mallory"})
		for range 50 {
			if got := status(t, p, refused); got != http.StatusUnauthorized {
				t.Fatalf("Verify(an inactive token) = %d, want 401", got)
			}
		}
		i.set(func() { i.active = `{"active":true}` })
		if got := status(t, p, i.token(t)); got != http.StatusOK {
			t.Errorf("Verify = %d, want 200", got)
		}
	})
}
