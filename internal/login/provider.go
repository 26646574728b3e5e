package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/oauthclient"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/plugins"
)

// Ask completes s with the provider that its configuration names. It does no I/O.
func (s *Settings) Ask(env plugins.Env) error {
	client, own, err := s.Config.TLS.Client(env)
	if err != nil {
		return fmt.Errorf("tls.%w", err)
	}
	s.HTTP, s.Own = client, own
	if s.Client, err = s.Config.Client.client(s, env.Within("client.")); err != nil {
		return fmt.Errorf("client.%w", err)
	}
	i := &s.Config.Issuer
	if *i == (Issuer{}) {
		return errors.New("issuer: required")
	}
	s.Provider, err = oauthflow.New(oauthflow.Config{
		DiscoverURL: i.DiscoverURL,
		Endpoints: oauthflow.Endpoints{
			Issuer: i.Issuer, Authorization: i.AuthorizationEndpoint, Token: i.TokenEndpoint, Userinfo: i.UserinfoEndpoint,
			Introspection: i.IntrospectionEndpoint, Revocation: i.RevocationEndpoint, EndSession: i.EndSessionEndpoint,
			JWKS: i.JWKSURI,
		},
		Client: s.Client, HTTP: client, Now: env.Now, Log: env.Log, Strict: env.Native, Called: env.Called,
	})
	if err != nil {
		return fmt.Errorf("issuer.%w", err)
	}
	if i.DiscoverURL != "" {
		return nil
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": i.AuthorizationEndpoint, "token_endpoint": i.TokenEndpoint,
	} {
		if endpoint == "" {
			env.Problem(fmt.Errorf("issuer.%s: required without discover_url", name))
		}
	}
	return nil
}

// client returns what says who we are.
func (c Client) client(s *Settings, env plugins.Env) (func(context.Context) (*oauthclient.Client, error), error) {
	byHand := c.ClientSecret != "" || c.PrivateKey != "" || c.AssertionFile != "" || c.TokenEndpointAuthMethod != ""
	if !byHand && c.RegistrationClientURI != "" && c.RegistrationAccessToken != "" {
		registration, err := fetch.URL(c.RegistrationClientURI,
			fetch.Options{Client: s.HTTP, Now: env.Now, Bearer: string(c.RegistrationAccessToken)}, c.registered)
		if err != nil {
			return nil, fmt.Errorf("registration_client_uri: %w", err)
		}
		return func(ctx context.Context) (*oauthclient.Client, error) {
			c, err := registration.Get(ctx)
			if err != nil {
				return nil, fmt.Errorf("client registration: %w", err)
			}
			return c, nil
		}, nil
	}
	if !byHand && s.Config.PKCE.On(env.Native) {
		c.TokenEndpointAuthMethod = oauthclient.None // a public client
	}
	client, err := c.authentication()
	if err != nil {
		env.Problem(err)
		return func(context.Context) (*oauthclient.Client, error) { return nil, err }, nil
	}
	return func(context.Context) (*oauthclient.Client, error) { return client, nil }, nil
}

// authentication is how the client authenticates.
func (c *Client) authentication() (*oauthclient.Client, error) {
	return oauthclient.New(oauthclient.Config{
		ID: c.ClientID, Secret: string(c.ClientSecret), Key: string(c.PrivateKey), AssertionFile: c.AssertionFile,
		Method: c.TokenEndpointAuthMethod, Algorithm: c.TokenEndpointAuthSigningAlg,
	})
}

// registered reads a client's registration.
func (c *Client) registered(text []byte) (*oauthclient.Client, error) {
	var r Client
	if json.Unmarshal(text, &r) != nil || r.ClientID == "" {
		return nil, errors.New("not a client's registration")
	}
	r.AssertionFile = "" // a file is the operator's to name
	return r.authentication()
}

// Object reads the JSON object that an endpoint answered with.
func Object(endpoint string, text []byte) (map[string]any, error) {
	var o map[string]any
	if json.Unmarshal(text, &o) != nil || o == nil {
		return nil, &oauthflow.Error{
			Endpoint: endpoint, Status: http.StatusOK, What: "the answer is not a JSON object",
			Remedy: "check the issuer's URLs",
		}
	}
	return o, nil
}
