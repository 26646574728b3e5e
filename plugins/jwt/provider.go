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
	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/oauthclient"
	"github.com/easgate/easgate/plugins"
)

// A provider is the issuer of tokens. It is asked when a request needs it.
type provider struct {
	features Features
	http     *http.Client
	now      func() time.Time
	fetcher  jwks.Fetcher
	// manual holds the endpoints if discovery is nil.
	manual    metadata
	discovery *fetch.Document[*metadata]
	// client holds the credentials if registration is nil.
	client       *oauthclient.Client
	registration *fetch.Document[*oauthclient.Client]
	// clientID is the client's name as far as the configuration says it.
	clientID string
	// clientErr is why there is no client.
	clientErr error

	introspections, userinfos *bearer.Lookup
	// signed verifies userinfo that is signed.
	signed *jwtverify.Verifier
	// native refuses userinfo that does not say whom it is about, and keeps the digits of integers.
	native bool

	// keys is the key set behind keysURI, which discovery may change.
	mu      sync.Mutex
	keysURI string
	keys    *fetch.Document[*jwks.Set]
}

// metadata is what is used of an issuer's description of itself (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
type metadata struct {
	Issuer
	// methods are the ways that a client may authenticate to the introspection endpoint; nil when it does not say.
	methods []string
}

const wellKnown = "/.well-known/"

func newProvider(c OIDC, env plugins.Env) (*provider, error) {
	p := &provider{
		features:       c.Features,
		http:           fetch.SameOrigin(env.HTTP),
		now:            env.Now,
		fetcher:        fetcher(env),
		native:         env.Native,
		clientID:       c.Client.ClientID,
		manual:         metadata{Issuer: c.Issuer},
		introspections: bearer.NewLookup(env.Now, env.Calls("introspection")),
		userinfos:      bearer.NewLookup(env.Now, env.Calls("userinfo")),
	}
	var err error
	switch u := c.Issuer.DiscoverURL; {
	case c.Issuer == Issuer{}:
		return nil, errors.New("issuer: required")
	case u != "":
		if !strings.Contains(u, wellKnown) {
			u = strings.TrimSuffix(u, "/") + wellKnown + "openid-configuration"
		}
		if p.discovery, err = fetch.URL(u, fetch.Options{Client: env.HTTP, Now: env.Now}, parseMetadata); err != nil {
			return nil, fmt.Errorf("issuer.discover_url: %w", err)
		}
	default:
		if err := c.Issuer.check(); err != nil {
			env.Problem(fmt.Errorf("issuer.%w", err))
		}
	}
	return p, p.newClient(&c, env)
}

// newClient finds out who asks. Only introspection needs to know.
func (p *provider) newClient(c *OIDC, env plugins.Env) error {
	given := c.Client
	byHand := given.ClientID != "" && (given.ClientSecret != "" || given.PrivateKey != "")
	if !byHand && given.RegistrationClientURI != "" && given.RegistrationAccessToken != "" {
		var err error
		token := string(given.RegistrationAccessToken)
		p.registration, err = fetch.URL(given.RegistrationClientURI,
			fetch.Options{Client: env.HTTP, Now: env.Now, Bearer: token}, given.registered)
		if err != nil {
			return fmt.Errorf("client.registration_client_uri: %w", err)
		}
		return nil
	}
	if !c.Features.IntrospectAccessToken {
		return nil
	}
	if p.client, p.clientErr = given.authentication(); p.clientErr != nil {
		p.clientErr = fmt.Errorf("client.%w", p.clientErr)
		env.Problem(p.clientErr)
	}
	return nil
}

// authentication is how the client authenticates.
func (c *Client) authentication() (*oauthclient.Client, error) {
	return oauthclient.New(oauthclient.Config{
		ID: c.ClientID, Secret: string(c.ClientSecret), Key: string(c.PrivateKey),
		Method: c.TokenEndpointAuthMethod, Algorithm: c.TokenEndpointAuthSigningAlg,
	})
}

// registered reads a client's registration. What the configuration says about authentication counts more.
func (c *Client) registered(text []byte) (*oauthclient.Client, error) {
	var r Client
	if json.Unmarshal(text, &r) != nil || r.ClientID == "" {
		return nil, errors.New("not a client's registration")
	}
	r.PrivateKey = c.PrivateKey
	if c.TokenEndpointAuthMethod != "" {
		r.TokenEndpointAuthMethod, r.TokenEndpointAuthSigningAlg = c.TokenEndpointAuthMethod, c.TokenEndpointAuthSigningAlg
	}
	return r.authentication()
}

// check checks the endpoints that can be asked.
func (i *Issuer) check() error {
	for name, endpoint := range map[string]string{
		"userinfo_endpoint": i.UserinfoEndpoint, "introspection_endpoint": i.IntrospectionEndpoint, "jwks_uri": i.JWKSURI,
	} {
		if endpoint == "" {
			continue
		}
		if err := checkEndpoint(name, endpoint); err != nil {
			return err
		}
	}
	return nil
}

func checkEndpoint(name, endpoint string) error {
	if endpoint == "" {
		return fmt.Errorf("the issuer has no %s", name)
	}
	if u, err := url.Parse(endpoint); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s: want an http or https URL", name)
	}
	return nil
}

// parseMetadata takes what is used, one by one: whatever else is odd breaks nothing.
func parseMetadata(text []byte) (*metadata, error) {
	var doc map[string]any
	if json.Unmarshal(text, &doc) != nil || doc == nil {
		return nil, errors.New("not an issuer's metadata")
	}
	member := func(name string) string { s, _ := doc[name].(string); return s }
	m := &metadata{Issuer: Issuer{
		Issuer: member("issuer"), TokenEndpoint: member("token_endpoint"), UserinfoEndpoint: member("userinfo_endpoint"),
		IntrospectionEndpoint: member("introspection_endpoint"), JWKSURI: member("jwks_uri"),
	}}
	for _, name := range []string{"introspection_endpoint_auth_methods_supported",
		"token_endpoint_auth_methods_supported"} {
		list, ok := doc[name].([]any)
		for _, e := range list {
			if s, ok := e.(string); ok {
				m.methods = append(m.methods, s)
			}
		}
		if ok {
			break
		}
	}
	return m, nil
}

// metadata returns the issuer's endpoints.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	if p.discovery == nil {
		return &p.manual, nil
	}
	m, err := p.discovery.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("oidc discovery: %w", err)
	}
	return m, nil
}

// Get implements [jwtverify.Keys] with the keys that the issuer names.
func (p *provider) Get(ctx context.Context) (*jwks.Set, error) {
	r, err := p.remote(ctx)
	if err != nil {
		return nil, err
	}
	return r.Get(ctx)
}

// Refetch implements [jwtverify.Keys].
func (p *provider) Refetch(ctx context.Context) (*jwks.Set, error) {
	r, err := p.remote(ctx)
	if err != nil {
		return nil, err
	}
	return r.Refetch(ctx)
}

func (p *provider) remote(ctx context.Context) (*fetch.Document[*jwks.Set], error) {
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

func (p *provider) credentials(ctx context.Context) (*oauthclient.Client, error) {
	if p.registration == nil {
		return p.client, p.clientErr
	}
	c, err := p.registration.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("client registration: %w", err)
	}
	return c, nil
}

// introspect asks whether token is active (RFC 7662 §2). Only true is remembered.
func (p *provider) introspect(ctx context.Context, token string, t *jwtverify.Token) (bool, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return false, err
	}
	if err := checkEndpoint("introspection_endpoint", m.IntrospectionEndpoint); err != nil {
		return false, err
	}
	v, err := p.introspections.Ask(ctx, token, func(ctx context.Context) (a bearer.Answer, err error) {
		c, err := p.credentials(ctx)
		if err != nil {
			return a, fmt.Errorf("oidc.%w", err)
		}
		server := oauthclient.Server{Issuer: m.Issuer.Issuer, Methods: m.methods}
		req, err := c.Request(ctx, m.IntrospectionEndpoint, url.Values{"token": {token}}, server, p.now())
		if err != nil {
			return a, err
		}
		o, _, err := bearer.FetchObject(p.http, req, p.native)
		var status *fetch.StatusError
		if errors.As(err, &status) && oauthclient.Refused(status.Status, status.Body) {
			method := c.Method(m.methods)
			err = fmt.Errorf("the endpoint refused our client %q (%w, %s): check oidc.client", c.ID(), err, method)
		}
		if err != nil {
			return a, err
		}
		active, _ := o.Get("active")
		if active != true {
			return bearer.Answer{Value: false}, nil
		}
		return bearer.Answer{Value: true, TTL: p.features.IntrospectExpiry.TTL(t, p.now())}, nil
	})
	return v == true, err
}
