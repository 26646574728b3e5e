//go:build linux

package testserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

//go:embed testdata/provider/provider.mjs
var providerScript string

//go:embed testdata/provider/package-lock.json
var providerLock []byte

// ProviderConfig is what an OpenID provider knows. The zero value has no clients, and the accounts alice and bob.
type ProviderConfig struct {
	// Clients are metadata in the words of OpenID Connect Dynamic Client Registration 1.0 §2: client_id, client_secret,
	// redirect_uris, token_endpoint_auth_method, jwks, post_logout_redirect_uris, backchannel_logout_uri ….
	Clients []map[string]any `json:"clients,omitempty"`
	// Accounts are the claims of each account besides sub: name, email, groups, and filler to make tokens large.
	Accounts map[string]map[string]any `json:"accounts,omitempty"`
	// TTL are lifetimes in seconds of AccessToken, IdToken, RefreshToken, Session ….
	TTL map[string]int `json:"ttl,omitempty"`
	// KeepRefreshTokens lets a refresh token be used again. Without it each is replaced when it is used, and whoever uses
	// a replaced one loses the grant.
	KeepRefreshTokens bool `json:"-"`
	// Metadata are more members of the discovery document; Settings are more of oidc-provider's own.
	Metadata map[string]any `json:"metadata,omitempty"`
	Settings map[string]any `json:"settings,omitempty"`
}

// A ProviderRequest is what the provider was asked.
type ProviderRequest struct {
	Method, Path, Query string
	// Auth is the scheme of Authorization.
	Auth string
	// Grant is the grant_type of a request to /token, Error what it was refused with.
	Grant, Error string
}

// A Fault is what is wrong with a provider.
type Fault struct {
	// Mode is down (connections are cut), html (an HTML page with 200), slow (the answer comes after Delay), status
	// (Status and Body are answered), lost (what was asked is done, and the answer is cut off); "" is none.
	Mode string `json:"mode"`
	// Path is where the path of what it concerns begins; "" concerns all.
	Path string `json:"path,omitempty"`
	// Times is how many requests it concerns; 0 is all.
	Times  int           `json:"times,omitempty"`
	Delay  time.Duration `json:"-"`
	Status int           `json:"status,omitempty"`
	Body   string        `json:"body,omitempty"`
}

// A Provider is an OpenID provider, which forgets everything when it is killed. It shows a page with a button for each
// account, whose ids are the accounts' names, and one with the id refuse; its page for a logout has a button with the
// id logout.
type Provider struct {
	*Server
	// Issuer is its URL, without a slash at the end.
	Issuer string
	admin  string
}

// OpenIDProvider starts an OpenID provider: the npm package oidc-provider.
func OpenIDProvider(t testing.TB, cfg ProviderConfig) *Provider {
	t.Helper()
	if cfg.Accounts == nil {
		cfg.Accounts = map[string]map[string]any{
			"alice": {"name": "Alice Liddell", "email": "alice@example.com", "email_verified": true,
				"groups": []string{"staff"}},
			"bob": {"name": "Bob Builder", "email": "bob@example.com", "email_verified": true},
		}
	}
	node, modules := binary(t, "node", "nodejs"), providerModules(t)
	s := newServer(t, "root")
	p := &Provider{Server: s, Issuer: fmt.Sprintf("http://127.0.0.1:%d", s.Port)}
	admin := freePort(t)
	p.admin = fmt.Sprintf("http://127.0.0.1:%d", admin)
	if err := os.Symlink(modules, filepath.Join(s.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(struct {
		ProviderConfig
		Port   int  `json:"port"`
		Admin  int  `json:"admin"`
		Rotate bool `json:"rotate"`
	}{cfg, s.Port, admin, !cfg.KeepRefreshTokens})
	if err != nil {
		t.Fatal(err)
	}
	s.start = []string{node, "--no-warnings", s.write("provider.mjs", providerScript),
		s.write("config.json", string(config))}
	s.ready = func(ctx context.Context) error {
		for _, url := range []string{p.Issuer + "/jwks", p.admin + "/requests"} {
			if err := p.ask(ctx, http.MethodGet, url, nil, nil); err != nil {
				return err
			}
		}
		return nil
	}
	s.Start()
	return p
}

// providerModules is the folder where tools/setup installed what package-lock.json names.
func providerModules(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(providerLock)
	dir := filepath.Join(cache, "easgate", "oidc-provider-"+hex.EncodeToString(sum[:])[:12], "node_modules")
	if _, err := os.Stat(filepath.Join(dir, "oidc-provider")); err != nil {
		t.Fatalf("%s is missing: make setup", dir)
	}
	return dir
}

// Configure changes what the provider knows, of which it forgets nothing else: members that are set replace the former
// ones, but for KeepRefreshTokens.
func (p *Provider) Configure(cfg ProviderConfig) { p.control("/config", cfg) }

// RotateKeys replaces the signing keys.
func (p *Provider) RotateKeys() { p.control("/rotate", nil) }

// Break makes the provider fail, or work again.
func (p *Provider) Break(f Fault) {
	p.control("/fault", struct {
		Fault
		Delay int64 `json:"delay,omitempty"`
	}{f, f.Delay.Milliseconds()})
}

// SkewClock sets the provider's clock off by d.
func (p *Provider) SkewClock(d time.Duration) {
	p.control("/skew", map[string]any{"seconds": d.Seconds()})
}

// BackchannelLogout sends a logout token for a person and a session to a client, which must take it.
func (p *Provider) BackchannelLogout(client, sub, sid string) {
	p.control("/backchannel", map[string]any{"client": client, "sub": sub, "sid": sid})
}

// Requests returns what the provider was asked since it was last called.
func (p *Provider) Requests() (all []ProviderRequest) {
	p.t.Helper()
	if err := p.ask(context.Background(), http.MethodGet, p.admin+"/requests", nil, &all); err != nil {
		p.t.Fatal(err)
	}
	return all
}

func (p *Provider) control(path string, body any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err == nil {
		err = p.ask(context.Background(), http.MethodPost, p.admin+path, text, nil)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
}

func (p *Provider) ask(ctx context.Context, method, url string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, url, res.Status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

var formAction = regexp.MustCompile(`action="([^"]+)"`)

// Login walks through a login as a person does who presses the button of an account: from an authorization request to
// the URL that the provider sends the browser back to, which is not asked. An account "" refuses. The session with the
// provider is in jar; with one, the page for the login may not come up.
func (p *Provider) Login(jar *cookiejar.Jar, authorization, account string) (callback string) {
	p.t.Helper()
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host != issuer.Host {
			callback = req.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Get(authorization)
	for range 3 {
		if err != nil {
			p.t.Fatal(err)
		}
		text, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		if callback != "" {
			return callback
		}
		action := formAction.FindSubmatch(text)
		if readErr != nil || action == nil {
			p.t.Fatalf("login at %s: %s %v\n%s", authorization, res.Status, readErr, text)
		}
		res, err = client.PostForm(p.Issuer+string(action[1]), url.Values{"account": {account}})
	}
	p.t.Fatalf("login at %s: no way back", authorization)
	return ""
}
