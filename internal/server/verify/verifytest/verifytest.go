// Package verifytest has what tests need around a [verify.Verifier]: plugins, tokens that are not sealed, a log to
// look at.
//
//	f := verifytest.New(t, nil)
//	res := f.Do(verifytest.Request("GET", verifytest.NoopToken("200"), ""))
//
// Tests of package server make a server of [Parts] instead.
package verifytest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/internal/server/metrics"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/htpasswd"
	"github.com/easgate/easgate/plugins/noop"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestheader"
	"github.com/easgate/easgate/stores"
)

// Unsealed opens tokens that are their own claims, so that tests are about what is around them.
type Unsealed struct{}

// Open implements [configtoken.Opener].
func (Unsealed) Open(text string) (configtoken.Token, error) {
	if !json.Valid([]byte(text)) {
		return configtoken.Token{}, configtoken.ErrUnreadable
	}
	var c struct {
		JTI string
		EAS configtoken.Pointer
	}
	_ = json.Unmarshal([]byte(text), &c)
	return configtoken.Token{Format: configtoken.Native, Claims: json.RawMessage(text), Pointer: c.EAS, ID: c.JTI}, nil
}

// Store is a store with fixed contents, for which the id "down" cannot be looked up.
type Store map[string]string

// Lookup implements [stores.Store].
func (m Store) Lookup(_ context.Context, id string) (string, bool, error) {
	if id == "down" {
		return "", false, context.DeadlineExceeded
	}
	s, ok := m[id]
	return s, ok, nil
}

// Ready implements [stores.Store].
func (Store) Ready(context.Context) error { return nil }

// Close implements [stores.Store].
func (Store) Close() error { return nil }

// Waiting is a plugin that answers when it is told to.
type Waiting struct{ Entered, Leave, Left chan struct{} }

// Verify implements [plugins.Plugin].
func (w Waiting) Verify(ctx context.Context, _ *plugins.Request) (plugins.Result, error) {
	w.Entered <- struct{}{}
	select {
	case <-w.Leave:
		return plugins.Result{Verdict: plugins.Allow}, nil
	case <-ctx.Done():
		close(w.Left)
		return plugins.Result{}, ctx.Err()
	}
}

// Log is read while somebody writes it.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Parts are what a verifier is made of.
type Parts struct {
	Config   verify.Config
	Log      *Log
	Waiting  Waiting
	Registry *prometheus.Registry
	// Plugins are noop, request_header, htpasswd and waiting; what is added before the first request counts.
	Plugins plugins.Registry
}

// NewParts returns parts that trust loopback, expect Traefik, and have a store "main" with a token "open".
func NewParts(t testing.TB) *Parts {
	t.Helper()
	p := &Parts{
		Log:      &Log{},
		Waiting:  Waiting{make(chan struct{}), make(chan struct{}), make(chan struct{})},
		Registry: prometheus.NewRegistry(),
	}
	log := slog.New(slog.NewTextHandler(p.Log, nil))
	p.Plugins = plugins.Registry{
		"noop":           plugins.Of(noop.New),
		"request_header": plugins.Of(requestheader.New),
		"htpasswd":       plugins.Of(htpasswd.New),
		"waiting":        plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) { return p.Waiting, nil }),
	}
	store := Store{"open": `{"eas":{"plugins":[{"type":"noop"}]}}`}
	env := plugintest.Env(t)
	env.Log = log
	env.Query["jp"] = jsonpath.New(nil)
	cache := pipeline.NewCache(pipeline.Config{
		Compiler: &pipeline.Compiler{Plugins: p.Plugins, Env: env},
		URL:      Unsealed{}, Stored: Unsealed{},
		Store:   func(id string) (stores.Store, bool) { return store, id == "main" },
		Revoked: func(string) bool { return false },
		Log:     log, Now: time.Now,
	})
	trusted, err := parent.ParseTrusted("loopback")
	if err != nil {
		t.Fatal(err)
	}
	p.Config = verify.Config{
		Trusted: trusted, Profile: parent.Traefik, Pipelines: cache,
		Metrics: metrics.New(p.Registry, p.Plugins), Log: log, Now: time.Now,
	}
	return p
}

// A Fixture is a verifier and what it was made of.
type Fixture struct {
	*verify.Verifier
	*Parts
}

// New returns a verifier; change, if not nil, changes its configuration.
func New(t testing.TB, change func(*verify.Config)) *Fixture {
	t.Helper()
	p := NewParts(t)
	if change != nil {
		change(&p.Config)
	}
	v, err := verify.New(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	return &Fixture{v, p}
}

// Do answers r, a request to /verify.
func (f *Fixture) Do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	f.Verify(w, r)
	return w.Result()
}

// Request is a verify request as Traefik sends it.
func Request(method, token, extra string) *http.Request {
	r := httptest.NewRequest(method, "/verify?config_token="+url.QueryEscape(token)+extra, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "app.example.com")
	r.Header.Set("X-Forwarded-Uri", "/a?b=c")
	r.Header.Set("X-Forwarded-Method", "GET")
	return r
}

// NoopToken is a token that answers with that status.
func NoopToken(status string) string {
	return `{"eas":{"plugins":[{"type":"noop","status_code":` + status + `}]}}`
}
