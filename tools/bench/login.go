package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// sessionStores are where the sessions of a row are kept, and what the project promises there.
var sessionStores = []struct {
	name    string
	atLeast float64
	// options is EAS_STORE_OPTS; %s is the bench's folder, or the port of Redis.
	options string
	redis   bool
}{
	{"sessions in memory", 0.75, `{"store": "memory"}`, false},
	{"sessions in SQLite", 0.50, `{"store": "sql", "config": {"client": "sqlite3", "connection": {"filename": ` +
		`"%s/sessions.db"}}}`, false},
	{"sessions in Redis", 0.30, `{"store": "redis", "host": "127.0.0.1", "port": %s}`, true},
	{"sessions in Redis, local cache of 1 s", 0.65,
		`{"store": "redis", "host": "127.0.0.1", "port": %s, "local_cache": 1000}`, true},
}

// logins compares requests of somebody who is logged in with the echo handler, for each kind of session store.
func (b *bench) logins(ctx context.Context) (rows []row, err error) {
	p, err := newProvider()
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var missing []error
	for _, s := range sessionStores {
		r := row{name: "oidc, " + s.name, atLeast: s.atLeast}
		place := b.dir
		stop := func() {}
		if s.redis {
			place, stop, err = b.startRedis(ctx)
		}
		if err == nil {
			err = b.login(ctx, p, strings.ReplaceAll(s.options, "%s", place), &r)
		}
		stop()
		if err != nil {
			r.missing = err
			missing = append(missing, fmt.Errorf("%s: %w", r.name, err))
			err = nil
		}
		r.print()
		rows = append(rows, r)
	}
	return rows, errors.Join(missing...)
}

func (b *bench) startRedis(ctx context.Context) (port string, stop func(), err error) {
	addr, err := freeAddr()
	if err != nil {
		return "", func() {}, err
	}
	if _, port, err = net.SplitHostPort(addr); err != nil {
		return "", func() {}, err
	}
	command := append(slices.Clone(b.pins.client), "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "")
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "", func() {}, errors.New("redis-server is missing: apt-get install redis-server")
	}
	p, err := start(ctx, b.dir, addr, nil, command)
	if err != nil {
		return "", func() {}, err
	}
	return port, p.stop, nil
}

// login logs in at p through an easgate of its own, and measures requests with the session.
func (b *bench) login(ctx context.Context, p *provider, options string, r *row) error {
	token, err := b.seal(plugin(map[string]any{
		"type": "oidc", "issuer": map[string]any{"discover_url": p.issuer}, "scopes": []string{"openid"},
		"client":   map[string]any{"client_id": "bench", "client_secret": "bench"},
		"features": map[string]any{"fetch_userinfo": false},
	}))
	if err != nil {
		return err
	}
	server, err := b.startEasgate(ctx, "EAS_STORE_OPTS="+options)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.ready(load{path: "/ping"}); err != nil {
		return err
	}
	cookie, err := p.login("http://"+server.addr, tokenParameter(token))
	if err != nil {
		return err
	}
	l := verify(tokenParameter(token), map[string]string{"Cookie": cookie})
	r.bytes = len(l.text())
	if err := server.ready(l); err != nil {
		return err
	}
	return b.inTurns(ctx, server, l, r)
}

// inTurns measures server and the echo handler in turns.
func (b *bench) inTurns(ctx context.Context, server *process, l load, r *row) error {
	var ours, echo []sample
	for range b.plan.rounds {
		e, err := b.measure(ctx, b.echo, l)
		if err != nil {
			return fmt.Errorf("echo: %w", err)
		}
		o, err := b.measure(ctx, server, l)
		if err != nil {
			return err
		}
		echo, ours = append(echo, e), append(ours, o)
	}
	r.fill(ours, echo)
	return nil
}

// A provider is as much of an OpenID provider as one login needs. Its codes are the nonce that the ID token is to hold.
type provider struct {
	net.Listener
	issuer string
	signer jose.Signer
	keys   jose.JSONWebKeySet
}

func newProvider() (*provider, error) {
	private, _, err := jwtKeys(jose.ES256)
	if err != nil {
		return nil, err
	}
	key := jose.JSONWebKey{Key: private, KeyID: "bench", Algorithm: string(jose.ES256), Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{Listener: l, issuer: "http://" + l.Addr().String(), signer: signer,
		keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}}}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(l) }() // ends with its listener
	return p, nil
}

// ServeHTTP implements [http.Handler].
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer = map[string]any{
			"issuer": p.issuer, "authorization_endpoint": p.issuer + "/auth", "token_endpoint": p.issuer + "/token",
			"jwks_uri": p.issuer + "/keys", "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		}
	case "/keys":
		answer = p.keys
	case "/token":
		now := time.Now()
		claims, err := json.Marshal(map[string]any{"iss": p.issuer, "aud": "bench", "sub": "alice", "iat": now.Unix(),
			"exp": now.Add(time.Hour).Unix(), "nonce": r.FormValue("code")})
		if err != nil {
			return
		}
		signed, err := p.signer.Sign(claims)
		if err != nil {
			return
		}
		id, err := signed.CompactSerialize()
		if err != nil {
			return
		}
		answer = map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 3600, "id_token": id}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// login does what a browser does, and returns the cookie of the session.
func (p *provider) login(base, parameters string) (cookie string, err error) {
	location, csrf, err := asBrowser(base, parameters, "/a/b?x=1", "")
	if err != nil {
		return "", fmt.Errorf("login: %w", err)
	}
	asked, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	q := asked.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		return "", err
	}
	answer := back.Query()
	answer.Set("code", q.Get("nonce"))
	answer.Set("state", q.Get("state"))
	if _, cookie, err = asBrowser(base, parameters, back.Path+"?"+answer.Encode(), csrf); err != nil {
		return "", fmt.Errorf("callback: %w", err)
	}
	return cookie, nil
}

// asBrowser asks for uri, and returns where the answer leads and the cookie that it sets.
func asBrowser(base, parameters, uri, cookie string) (location, set string, err error) {
	req, err := http.NewRequest(http.MethodGet, base+verify(parameters, nil).path, nil)
	if err != nil {
		return "", "", err
	}
	for k, v := range forwarded {
		req.Header.Set(k, v)
	}
	req.Header.Set("X-Forwarded-Uri", uri)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	location = resp.Header.Get("Location")
	if len(resp.Cookies()) != 1 || location == "" {
		return "", "", fmt.Errorf("status %d, %d cookies, Location %q", resp.StatusCode, len(resp.Cookies()), location)
	}
	c := resp.Cookies()[0]
	return location, c.Name + "=" + c.Value, nil
}
