package oauthflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/oauthclient"
)

// timeout bounds one call to a provider.
const timeout = 8 * time.Second

// Config says which provider, and who we are there.
type Config struct {
	// DiscoverURL is where the provider describes itself, with or without /.well-known/…; "" for Endpoints.
	DiscoverURL string
	// Endpoints are the provider's, if they are not discovered. With DiscoverURL only Issuer counts: the name that the
	// metadata must have, where that is not the URL's.
	Endpoints Endpoints
	// Client returns who we are. It is asked with each call, so that it may come from a registration.
	Client func(context.Context) (*oauthclient.Client, error)
	HTTP   *http.Client
	Now    func() time.Time
	// Log is told of keys that cannot be used; nil drops it.
	Log *slog.Logger
	// Strict leaves out keys that are too weak.
	Strict bool
	// Called is told how each call went, by a word for it; nil drops it.
	Called func(service string, took time.Duration, err error)
}

// A Provider is asked for logins. It does no I/O before it is asked. It is safe for concurrent use.
type Provider struct {
	c         Config
	discovery *fetch.Document[*Metadata]
	manual    Metadata
	// http follows no redirect.
	http *http.Client

	// keys is the key set behind keysURI, which discovery may change.
	mu      sync.Mutex
	keysURI string
	keys    *fetch.Document[*jwks.Set]
}

// New returns a provider, or says what of the configuration can never work, by the option's name.
func New(c Config) (*Provider, error) {
	p := &Provider{c: c, manual: Metadata{Endpoints: c.Endpoints}, http: unled(c.HTTP)}
	if c.DiscoverURL == "" {
		return p, c.Endpoints.Check()
	}
	address := discovery(c.DiscoverURL)
	var err error
	p.discovery, err = fetch.URL(address, fetch.Options{Client: c.HTTP, Now: c.Now}, func(text []byte) (*Metadata, error) {
		return parse(text, address, c.Endpoints.Issuer)
	})
	if err != nil {
		return nil, fmt.Errorf("discover_url: %w", err)
	}
	return p, nil
}

// unled returns a copy of client that follows no redirect: what is posted is for the endpoint, and for nobody else.
func unled(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.Jar = nil
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// Metadata returns what is known of the provider.
func (p *Provider) Metadata(ctx context.Context) (*Metadata, error) {
	if p.discovery == nil {
		return &p.manual, nil
	}
	m, err := p.discovery.Get(ctx)
	if err != nil {
		return nil, &Error{Endpoint: "discover_url", What: err.Error(), Err: err}
	}
	return m, nil
}

// endpoint returns the metadata and one endpoint of them, which name is of.
func (p *Provider) endpoint(ctx context.Context, name string, of func(*Metadata) string) (*Metadata, string, error) {
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, "", err
	}
	if of(m) == "" {
		return nil, "", &Error{Endpoint: name, What: "the provider has none",
			Remedy: "name it in issuer, or switch off what needs it"}
	}
	return m, of(m), nil
}

// Get returns the provider's keys.
func (p *Provider) Get(ctx context.Context) (*jwks.Set, error) {
	r, err := p.keySet(ctx)
	if err != nil {
		return nil, err
	}
	return r.Get(ctx)
}

// Refetch returns the provider's keys, for one that should be among them and is not.
func (p *Provider) Refetch(ctx context.Context) (*jwks.Set, error) {
	r, err := p.keySet(ctx)
	if err != nil {
		return nil, err
	}
	return r.Refetch(ctx)
}

func (p *Provider) keySet(ctx context.Context) (*fetch.Document[*jwks.Set], error) {
	_, uri, err := p.endpoint(ctx, "jwks_uri", func(m *Metadata) string { return m.JWKS })
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil || p.keysURI != uri {
		f := jwks.Fetcher{HTTP: p.c.HTTP, Now: p.c.Now, Log: p.c.Log, Strict: p.c.Strict,
			Called: func(took time.Duration, err error) {
				p.called("jwks", took, err)
			}}
		keys, err := f.Set(uri, jwks.ParseJWKS)
		if err != nil {
			return nil, &Error{Endpoint: "jwks_uri", What: err.Error()}
		}
		p.keys, p.keysURI = keys, uri
	}
	return p.keys, nil
}

func (p *Provider) called(service string, took time.Duration, err error) {
	if p.c.Called != nil {
		p.c.Called(service, took, err)
	}
}

// An answer is a success.
type answer struct {
	mediaType string
	body      []byte
}

// do sends req, which asks the endpoint called name. service is its word for metrics.
func (p *Provider) do(ctx context.Context, service, name string, req *http.Request) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	a, err = p.send(name, req.WithContext(ctx))
	var refused *Error
	if errors.As(err, &refused) &&
		(refused.Refused() || refused.Status == http.StatusUnauthorized && service == "userinfo") {
		p.called(service, time.Since(start), nil) // it answered; clients cause this
	} else {
		p.called(service, time.Since(start), err)
	}
	return a, err
}

func (p *Provider) send(name string, req *http.Request) (a answer, err error) {
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	res, err := p.http.Do(req)
	if err != nil {
		return a, unreachable(name, fetch.Unwrapped(err))
	}
	defer func() { _ = res.Body.Close() }()
	a.mediaType, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	if a.body, err = fetch.ReadAll(res.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return a, unreachable(name, err)
	}
	if e := answered(name, res.StatusCode, a.mediaType, a.body); e != nil {
		return a, e
	}
	return a, nil
}

// post posts form to an endpoint, with our credentials.
func (p *Provider) post(ctx context.Context, service, name, endpoint string, form url.Values,
	s oauthclient.Server) (answer, error) {
	c, err := p.c.Client(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("client: %w", err)
	}
	req, err := c.Request(ctx, endpoint, form, s, p.c.Now())
	if err != nil {
		return answer{}, fmt.Errorf("client: %w", err)
	}
	a, err := p.do(ctx, service, name, req)
	var refused *Error
	if errors.As(err, &refused) && refused.Remedy == "" && oauthclient.Refused(refused.Status, nil) {
		refused.Remedy = fmt.Sprintf("the provider refused our client, which authenticates by %s: %s", c.Method(s.Methods),
			remedies["invalid_client"])
	}
	return a, err
}
