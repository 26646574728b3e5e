package demoprovider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Config is where the provider is, and whom it serves.
type Config struct {
	// Issuer is the provider's own URL, without a slash at the end. Site is the origin of its client, to which it sends
	// browsers back.
	Issuer, Site string
	Now          func() time.Time
}

// A Person can log in.
type Person struct {
	Subject, Name, Email string
	Groups               []string
}

// People are all who can log in.
var People = []Person{
	{"alice", "Alice Liddell", "alice@example.com", []string{"staff"}},
	{"bob", "Bob Builder", "bob@example.com", []string{"staff", "builders"}},
}

const (
	codeLife    = time.Minute
	accessLife  = 5 * time.Minute
	refreshLife = 8 * time.Hour
	// maxGrants bounds codes and tokens together: whoever asks for more on this machine loses the others.
	maxGrants = 1000
)

// A Provider is the provider. It is an http.Handler.
type Provider struct {
	http.ServeMux
	cfg    Config
	id     string
	secret string
	signer jose.Signer
	keys   jose.JSONWebKeySet

	mu     sync.Mutex
	grants map[string]grant
}

// A grant is what a code, an access token or a refresh token stands for.
type grant struct {
	kind, redirect, challenge, nonce, scope string
	person                                  Person
	ends, began                             time.Time
}

// New returns a provider with a key and a client of its own.
func New(cfg Config) (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "demo", Algorithm: string(jose.ES256), Use: "sig"}
	p := &Provider{cfg: cfg, id: "demo", secret: rand.Text(), grants: map[string]grant{}}
	p.keys.Keys = []jose.JSONWebKey{jwk.Public()}
	if p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwk}, nil); err != nil {
		return nil, err
	}
	p.HandleFunc("GET /.well-known/openid-configuration", p.metadata)
	p.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, p.keys) })
	p.HandleFunc("/authorize", p.authorize)
	p.HandleFunc("POST /token", p.token)
	p.HandleFunc("/userinfo", p.userinfo)
	p.HandleFunc("/logout", p.logout)
	return p, nil
}

// Client is the id and the secret of the one client.
func (p *Provider) Client() (id, secret string) { return p.id, p.secret }

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client left
}

func (p *Provider) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.cfg.Issuer, "authorization_endpoint": p.cfg.Issuer + "/authorize",
		"token_endpoint": p.cfg.Issuer + "/token",
		"jwks_uri":       p.cfg.Issuer + "/keys", "userinfo_endpoint": p.cfg.Issuer + "/userinfo",
		"end_session_endpoint":     p.cfg.Issuer + "/logout",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"scopes_supported":                      []string{"openid", "profile", "email"},
	})
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

type view struct {
	Title, Lead string
	People      []Person
	// Fields go on with the form.
	Fields map[string]string
}

func show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page.Execute(w, v) // the client left
}

// authorize shows who can log in, and sends the browser back with a code when one was chosen.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	redirect, back := r.FormValue("redirect_uri"), r.FormValue("state")
	if r.FormValue("client_id") != p.id || !p.ours(redirect) {
		show(w, http.StatusBadRequest,
			view{Title: "No login", Lead: "This provider knows the demo's site only, and no such client or redirect_uri."})
		return
	}
	if r.FormValue("response_type") != "code" {
		p.back(w, r, redirect, url.Values{"error": {"unsupported_response_type"}, "state": {back}})
		return
	}
	if r.Method != http.MethodPost {
		fields := map[string]string{}
		for _, name := range []string{"client_id", "redirect_uri", "response_type", "state", "nonce", "scope",
			"code_challenge"} {
			fields[name] = r.FormValue(name)
		}
		show(w, http.StatusOK, view{Title: "Who are you?",
			Lead: "A provider would ask for a password here. This one takes your word.", People: People, Fields: fields})
		return
	}
	for _, person := range People {
		if person.Subject == r.PostFormValue("person") {
			now := p.cfg.Now()
			code := p.keep(grant{
				kind: "code", redirect: redirect, challenge: r.FormValue("code_challenge"), nonce: r.FormValue("nonce"),
				scope: r.FormValue("scope"), person: person, began: now, ends: now.Add(codeLife),
			})
			p.back(w, r, redirect, url.Values{"code": {code}, "state": {back}, "iss": {p.cfg.Issuer}})
			return
		}
	}
	p.back(w, r, redirect, url.Values{"error": {"access_denied"}, "state": {back}})
}

// ours reports whether a URL is one of the client's site.
func (p *Provider) ours(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme+"://"+u.Host == p.cfg.Site && u.User == nil && u.Fragment == ""
}

func (p *Provider) back(w http.ResponseWriter, r *http.Request, to string, more url.Values) {
	u, err := url.Parse(to)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	query := u.Query()
	for name, values := range more {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// keep remembers g under a new random name.
func (p *Provider) keep(g grant) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	for name, old := range p.grants {
		if len(p.grants) >= maxGrants || now.After(old.ends) {
			delete(p.grants, name)
		}
	}
	name := rand.Text()
	p.grants[name] = g
	return name
}

// find returns what name stands for; used up, it stands for nothing any more.
func (p *Provider) find(name, kind string, useUp bool) (grant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.grants[name]
	if !ok || g.kind != kind || p.cfg.Now().After(g.ends) {
		return grant{}, false
	}
	if useUp {
		delete(p.grants, name)
	}
	return g, true
}

// token exchanges a code, or a refresh token, each of which is good once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.id || subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret)) != 1 {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	var g grant
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		g, ok = p.find(r.PostFormValue("code"), "code", true)
		ok = ok && g.redirect == r.PostFormValue("redirect_uri") && verified(g.challenge, r.PostFormValue("code_verifier"))
	case "refresh_token":
		g, ok = p.find(r.PostFormValue("refresh_token"), "refresh", true)
		g.nonce = ""
	default:
		answer(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	if !ok {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.cfg.Now()
	idToken, err := p.idToken(g, now)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	access, refresh := g, g
	access.kind, access.ends = "access", now.Add(accessLife)
	refresh.kind, refresh.ends = "refresh", now.Add(refreshLife)
	answer(w, http.StatusOK, map[string]any{
		"access_token": p.keep(access), "token_type": "Bearer", "expires_in": int(accessLife.Seconds()),
		"refresh_token": p.keep(refresh), "id_token": idToken, "scope": g.scope,
	})
}

// verified is RFC 7636 §4.6, for S256; without a challenge there is nothing to verify.
func verified(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return challenge == "" && verifier == "" || challenge == base64.RawURLEncoding.EncodeToString(sum[:])
}

func (p *Provider) idToken(g grant, now time.Time) (string, error) {
	claims := g.claims()
	claims["iss"], claims["aud"] = p.cfg.Issuer, p.id
	claims["iat"], claims["exp"], claims["auth_time"] = now.Unix(), now.Add(accessLife).Unix(), g.began.Unix()
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := p.signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func (g grant) claims() map[string]any {
	return map[string]any{
		"sub": g.person.Subject, "name": g.person.Name, "email": g.person.Email, "email_verified": true,
		"groups": g.person.Groups,
	}
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, ok := p.find(token, "access", false)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, g.claims())
}

// logout has nothing to forget but tokens that are forgotten soon: it keeps no session.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	if to := r.FormValue("post_logout_redirect_uri"); p.ours(to) {
		p.back(w, r, to, url.Values{"state": {r.FormValue("state")}})
		return
	}
	show(w, http.StatusOK, view{Title: "Logged out", Lead: "The provider has forgotten you."})
}
