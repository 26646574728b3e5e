package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// A provider is the issuer of tokens. It is asked when a request needs it.
type provider struct {
	features Features
	http     *http.Client
	now      func() time.Time
	fetcher  jwks.Fetcher
	// manual holds the endpoints if discovery is nil.
	manual    Issuer
	discovery *jwks.Remote[*Issuer]
	// client holds the credentials if registration is nil.
	client       Client
	registration *jwks.Remote[*Client]
	// clientErr is why there is no client.
	clientErr error

	introspections, userinfos *bearer.Lookup

	// keys is the key set behind keysURI, which discovery may change.
	mu      sync.Mutex
	keysURI string
	keys    *jwks.Remote[*jwks.Set]
}

const wellKnown = "/.well-known/"

func newProvider(c OIDC, env plugins.Env) (*provider, error) {
	p := &provider{
		features:       c.Features,
		http:           jwks.SameOrigin(env.HTTP),
		now:            env.Now,
		fetcher:        fetcher(env),
		manual:         c.Issuer,
		client:         c.Client,
		introspections: bearer.NewLookup(env.Now),
		userinfos:      bearer.NewLookup(env.Now),
	}
	var err error
	switch u := c.Issuer.DiscoverURL; {
	case c.Issuer == Issuer{}:
		return nil, errors.New("issuer: required")
	case u != "":
		if !strings.Contains(u, wellKnown) {
			u = strings.TrimSuffix(u, "/") + wellKnown + "openid-configuration"
		}
		if p.discovery, err = jwks.NewRemote(u, env.HTTP, env.Now, parseMetadata); err != nil {
			return nil, fmt.Errorf("issuer.discover_url: %w", err)
		}
	default:
		if err := c.Issuer.check(); err != nil {
			return nil, fmt.Errorf("issuer.%w", err)
		}
	}
	switch {
	case c.Client.ClientID != "" && c.Client.ClientSecret != "":
	case c.Client.RegistrationClientURI != "" && c.Client.RegistrationAccessToken != "":
		p.registration, err = jwks.NewRemote(c.Client.RegistrationClientURI, env.HTTP, env.Now, parseClient)
		if err != nil {
			return nil, fmt.Errorf("client.registration_client_uri: %w", err)
		}
		p.registration.Bearer = string(c.Client.RegistrationAccessToken)
	case c.Features.IntrospectAccessToken || c.Features.FetchUserinfo:
		p.clientErr = errors.New("client: want client_id and client_secret, or registration_client_uri and registration_access_token")
		if err := env.Complain(p.clientErr); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// check checks the endpoints that are asked.
func (i *Issuer) check() error {
	for name, endpoint := range map[string]string{
		"userinfo_endpoint": i.UserinfoEndpoint, "introspection_endpoint": i.IntrospectionEndpoint, "jwks_uri": i.JWKSURI,
	} {
		if endpoint == "" {
			continue
		}
		if u, err := url.Parse(endpoint); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("%s: want an http or https URL", name)
		}
	}
	return nil
}

func parseMetadata(text []byte) (*Issuer, error) {
	var i Issuer
	if json.Unmarshal(text, &i) != nil {
		return nil, errors.New("not an issuer's metadata")
	}
	return &i, i.check()
}

func parseClient(text []byte) (*Client, error) {
	var c Client
	if json.Unmarshal(text, &c) != nil || c.ClientID == "" || c.ClientSecret == "" {
		return nil, errors.New("not a client's registration")
	}
	return &c, nil
}

// metadata returns the issuer's endpoints.
func (p *provider) metadata(ctx context.Context) (*Issuer, error) {
	if p.discovery == nil {
		return &p.manual, nil
	}
	m, err := p.discovery.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("oidc discovery: %w", err)
	}
	return m, nil
}

// Get implements [bearer.Keys] with the keys that the issuer names.
func (p *provider) Get(ctx context.Context) (*jwks.Set, error) {
	r, err := p.remote(ctx)
	if err != nil {
		return nil, err
	}
	return r.Get(ctx)
}

// Refetch implements [bearer.Keys].
func (p *provider) Refetch(ctx context.Context) (*jwks.Set, error) {
	r, err := p.remote(ctx)
	if err != nil {
		return nil, err
	}
	return r.Refetch(ctx)
}

func (p *provider) remote(ctx context.Context) (*jwks.Remote[*jwks.Set], error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil || p.keysURI != m.JWKSURI {
		keys, err := p.fetcher.Set(m.JWKSURI, jwks.ParseJWKS)
		if err != nil {
			return nil, fmt.Errorf("oidc issuer: jwks_uri: %w", err)
		}
		p.keys, p.keysURI = keys, m.JWKSURI
	}
	return p.keys, nil
}

func (p *provider) credentials(ctx context.Context) (*Client, error) {
	switch {
	case p.clientErr != nil:
		return nil, fmt.Errorf("oidc.%w", p.clientErr)
	case p.registration == nil:
		return &p.client, nil
	}
	c, err := p.registration.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("oidc client registration: %w", err)
	}
	return c, nil
}

// introspect asks whether token is active (RFC 7662 §2). Only true is remembered.
func (p *provider) introspect(ctx context.Context, token string, t *bearer.Token) (bool, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return false, err
	}
	if m.IntrospectionEndpoint == "" {
		return false, errors.New("the issuer has no introspection_endpoint")
	}
	v, err := p.introspections.Ask(ctx, token, func(ctx context.Context) (query.Value, int, time.Duration, error) {
		c, err := p.credentials(ctx)
		if err != nil {
			return nil, 0, 0, err
		}
		form := url.Values{"token": {token}}.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.IntrospectionEndpoint, strings.NewReader(form))
		if err != nil {
			return nil, 0, 0, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		// RFC 6749 §2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(string(c.ClientSecret)))
		o, _, err := bearer.FetchObject(p.http, req)
		if err != nil {
			return nil, 0, 0, err
		}
		active, _ := o.Get("active")
		if active != true {
			return false, 0, 0, nil
		}
		return true, 0, p.features.IntrospectExpiry.TTL(t, p.now()), nil
	})
	return v == true, err
}

// userinfo asks who token is about (OpenID Connect Core 1.0 §5.3). A [bearer.Error] says that the provider does not take
// the token.
func (p *provider) userinfo(ctx context.Context, token string, t *bearer.Token) (query.Value, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.UserinfoEndpoint == "" {
		return nil, errors.New("userinfo: the issuer has no userinfo_endpoint")
	}
	if p.clientErr != nil {
		return nil, fmt.Errorf("oidc.%w", p.clientErr)
	}
	v, err := p.userinfos.Ask(ctx, token, func(ctx context.Context) (query.Value, int, time.Duration, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserinfoEndpoint, nil)
		if err != nil {
			return nil, 0, 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		o, size, err := bearer.FetchObject(p.http, req)
		if err != nil {
			return nil, 0, 0, err
		}
		return o, size, p.features.UserinfoExpiry.TTL(t, p.now()), nil
	})
	var status bearer.StatusError
	switch {
	case errors.As(err, &status) && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		return nil, &bearer.Error{Name: "invalid_token", Message: "token refused by the userinfo endpoint"}
	case err != nil:
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return v, nil
}
