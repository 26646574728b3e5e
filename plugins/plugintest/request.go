package plugintest

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Now is the time that [Env] stands still at.
var Now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Env returns an environment for tests: no log, a clock that stands still, one password at a time.
// Its HTTP client fails the test when it is used.
func Env(t testing.TB) plugins.Env {
	return plugins.Env{
		Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return Now },
		HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			t.Errorf("network I/O: %s %s", r.Method, r.URL)
			return nil, context.Canceled
		})},
		Query:   query.Engines{},
		Hashing: credential.NewProcessors(1),
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A Request describes a parent request; the zero value is a GET without any headers.
type Request struct {
	Method string
	// URL is absolute; default https://app.example.com/.
	URL    string
	Header http.Header
	// Query is the parsed query that queries see; default is URL's own.
	Query *query.Object
}

// Build returns the request that a plugin sees. It panics if URL is not a URL.
func (r Request) Build() *plugins.Request {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.URL == "" {
		r.URL = "https://app.example.com/"
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		panic(err)
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Query == nil {
		r.Query = parsedQuery(u)
	}
	return &plugins.Request{
		Method: r.Method,
		URL:    u,
		Header: r.Header,
		Source: newSource(r),
	}
}

// A source holds its views ready made, so that it is safe for the concurrency tests.
type source struct {
	uri                string
	brief, req, parent *query.Object
}

func newSource(r Request) *source {
	headers := query.NewObject(len(r.Header))
	for name, values := range r.Header {
		headers.Set(strings.ToLower(name), query.Latin1(values[0]))
	}
	brief := query.NewObject(2)
	brief.Set("headers", headers)
	brief.Set("cookies", &query.Object{})
	req := query.NewObject(4)
	req.Set("method", r.Method)
	req.Set("headers", headers)
	req.Set("cookies", &query.Object{})
	parent := query.NewObject(3)
	parent.Set("uri", r.URL)
	parent.Set("parsedQuery", r.Query)
	parent.Set("method", r.Method)
	return &source{uri: r.URL, brief: brief, req: req, parent: parent}
}

func (s *source) Brief() *query.Object  { return s.brief }
func (s *source) Req() *query.Object    { return s.req }
func (s *source) Parent() *query.Object { return s.parent }
func (s *source) URI() string           { return s.uri }
func (s *source) ClientIP() netip.Addr  { return netip.MustParseAddr("192.0.2.7") }

func parsedQuery(u *url.URL) *query.Object {
	values := u.Query()
	m := make(map[string]any, len(values))
	for name, v := range values {
		if len(v) == 1 {
			m[name] = v[0]
		} else {
			m[name] = v
		}
	}
	v, _ := query.FromGo(m)
	return v.(*query.Object)
}
