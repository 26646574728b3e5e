// Package logintest is a strict OpenID provider in this process, for tests of logins, and a browser with a cookie jar
// that goes through one. Its refresh tokens rotate; whoever uses one a second time loses the whole grant.
package logintest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/oauthflow"
)

// A Provider answers as RFC 6749, RFC 7636 and OpenID Connect have it. Its fields may be changed between requests,
// under Lock.
type Provider struct {
	sync.Mutex
	*httptest.Server
	// Now is its clock.
	Now func() time.Time
	// Name is its issuer; "" is its URL.
	Name string
	// User is who logs in next, with those further claims.
	User   string
	Claims map[string]any
	// Secret is the client's; "" is a public client.
	Secret string
	// TTL is how long an access token lives. NoRefresh gives no refresh tokens.
	TTL       time.Duration
	NoRefresh bool
	// IDToken changes the claims of the next ID tokens; Userinfo those of userinfo, with that status.
	IDToken        func(map[string]any)
	Userinfo       func(map[string]any)
	UserinfoStatus int
	// Answer, if not nil, answers a request to a path in its stead, and reports whether it did.
	Answer func(w http.ResponseWriter, r *http.Request) bool
	// Lose does what /token is asked and cuts the connection.
	Lose bool
	// Delay is called before a refresh is answered.
	Delay func()
	// Metadata are added to the discovery document.
	Metadata map[string]any

	key    jose.JSONWebKey
	codes  map[string]grant
	grants map[string]*grant // by refresh token
	used   map[string]*grant
	// Calls counts requests by path, and by grant type for /token.
	Calls map[string]int
	// Revoked are tokens that were revoked; Inactive those that introspection denies.
	Revoked  []string
	Inactive bool
	serial   int
}

type grant struct {
	user, nonce, challenge, redirect, scope string
	claims                                  map[string]any
	extra                                   map[string]any
	dead                                    bool
}

// NewProvider starts a provider with the client "gate" and the secret "s3cret".
func NewProvider(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{
		Now: now, User: "alice", Secret: "s3cret", TTL: 5 * time.Minute, Metadata: map[string]any{},
		codes: map[string]grant{}, grants: map[string]*grant{}, used: map[string]*grant{}, Calls: map[string]int{},
	}
	p.Rotate("k1")
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

// Issuer is its name.
func (p *Provider) Issuer() string {
	if p.Name != "" {
		return p.Name
	}
	return p.URL
}

// Client returns a client for which the provider is at https://host too.
func (p *Provider) Client(host string) *http.Client {
	return &http.Client{Transport: rewriting{host, p}}
}

type rewriting struct {
	host string
	p    *Provider
}

// RoundTrip implements [http.RoundTripper].
func (t rewriting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == t.host {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(t.p.URL, "http://")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Rotate replaces the key that signs.
func (p *Provider) Rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.key = jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "ES256"}
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	p.Calls[r.URL.Path]++
	if p.Answer != nil && p.Answer(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := map[string]any{
			"issuer": p.Issuer(), "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"userinfo_endpoint": p.URL + "/userinfo", "jwks_uri": p.URL + "/jwks",
			"introspection_endpoint": p.URL + "/introspect",
			"revocation_endpoint":    p.URL + "/revoke", "end_session_endpoint": p.URL + "/logout",
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "none"},
		}
		maps.Copy(doc, p.Metadata)
		reply(w, http.StatusOK, doc)
	case "/jwks":
		reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.userinfo(w, r)
	case "/introspect":
		reply(w, http.StatusOK, map[string]any{"active": !p.Inactive})
	case "/revoke":
		p.Revoked = append(p.Revoked, r.FormValue("token_type_hint"))
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != "gate" || q.Get("response_type") != "code" || q.Get("redirect_uri") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	extra := map[string]any{}
	if acr := q.Get("acr_values"); acr != "" {
		extra["acr"] = strings.Fields(acr)[0]
	}
	if q.Get("max_age") != "" {
		extra["auth_time"] = p.Now().Unix()
	}
	p.serial++
	code := fmt.Sprintf("code-%d", p.serial)
	p.codes[code] = grant{
		user: p.User, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"),
		scope: q.Get("scope"), claims: p.Claims, extra: extra,
	}
	back, _ := url.Parse(q.Get("redirect_uri"))
	answer := back.Query()
	answer.Set("code", code)
	answer.Set("state", q.Get("state"))
	if p.Metadata["authorization_response_iss_parameter_supported"] == true {
		answer.Set("iss", p.Issuer())
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f := r.PostForm
	p.Calls[f.Get("grant_type")]++
	id, secret, basic := r.BasicAuth()
	if p.Secret != "" && (!basic || id != "gate" || secret != p.Secret) || p.Secret == "" && f.Get("client_id") != "gate" {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	var g grant
	switch f.Get("grant_type") {
	case "authorization_code":
		var ok bool
		g, ok = p.codes[f.Get("code")]
		delete(p.codes, f.Get("code"))
		if !ok || g.redirect != f.Get("redirect_uri") || g.challenge != "" &&
			g.challenge != oauthflow.Challenge(f.Get("code_verifier")) {
			reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
	case "refresh_token":
		if p.Delay != nil {
			p.Delay()
		}
		token := f.Get("refresh_token")
		if old := p.used[token]; old != nil {
			old.dead = true // reuse: somebody stole it
		}
		held := p.grants[token]
		if held == nil || held.dead {
			reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
		delete(p.grants, token)
		p.used[token] = held
		g = *held
		g.nonce = ""
		p.answer(w, g, held)
		return
	default:
		reply(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	p.answer(w, g, &g)
}

func (p *Provider) answer(w http.ResponseWriter, g grant, held *grant) {
	p.serial++
	answer := map[string]any{
		"access_token": fmt.Sprintf("at-%d.%s", p.serial, g.user), "token_type": "Bearer",
		"expires_in": int(p.TTL.Seconds()), "scope": g.scope,
	}
	if strings.Contains(g.scope, "openid") {
		claims := map[string]any{"iss": p.Issuer(), "sub": g.user, "aud": "gate", "iat": p.Now().Unix(),
			"exp": p.Now().Add(p.TTL).Unix(), "sid": "sid-" + g.user}
		if g.nonce != "" {
			claims["nonce"] = g.nonce
		}
		maps.Copy(claims, g.claims)
		maps.Copy(claims, g.extra)
		if p.IDToken != nil {
			p.IDToken(claims)
		}
		answer["id_token"] = p.Sign(claims)
	}
	if !p.NoRefresh {
		refresh := fmt.Sprintf("rt-%d", p.serial)
		p.grants[refresh] = held
		answer["refresh_token"] = refresh
	}
	if p.Lose {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close()
		}
		return
	}
	reply(w, http.StatusOK, answer)
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	_, user, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if p.UserinfoStatus != 0 {
		w.WriteHeader(p.UserinfoStatus)
		return
	}
	claims := map[string]any{"sub": user, "name": "Алиса"}
	if p.Userinfo != nil {
		p.Userinfo(claims)
	}
	reply(w, http.StatusOK, claims)
}

// Sign returns a JWT with those claims.
func (p *Provider) Sign(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}
