package oauthflow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/easgate/easgate/internal/oauthclient"
)

// Userinfo asks who an access token is about (OpenID Connect Core 1.0 §5.3), and returns the answer as it came, JSON
// or, as mediaType says, a signed application/jwt.
func (p *Provider) Userinfo(ctx context.Context, accessToken string) (body []byte, mediaType string, err error) {
	_, endpoint, err := p.endpoint(ctx, "userinfo_endpoint", func(m *Metadata) string { return m.Userinfo })
	if err != nil {
		return nil, "", err
	}
	return p.Fetch(ctx, "userinfo_endpoint", endpoint, http.Header{
		"Authorization": {"Bearer " + accessToken}, "Accept": {"application/json, application/jwt;q=0.9"},
	})
}

// Fetch gets what is at a URL with those headers; name says what it is in errors.
func (p *Provider) Fetch(ctx context.Context, name, address string,
	header http.Header) (body []byte, mediaType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", &Error{Endpoint: name, What: "not a URL"}
	}
	req.Header = header
	a, err := p.do(ctx, "userinfo", name, req)
	return a.body, a.mediaType, err
}

// Introspect reports whether a token is active (RFC 7662 §2). An endpoint that does not say so clearly says no.
func (p *Provider) Introspect(ctx context.Context, token string) (active bool, err error) {
	const name = "introspection_endpoint"
	m, endpoint, err := p.endpoint(ctx, name, func(m *Metadata) string { return m.Introspection })
	if err != nil {
		return false, err
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	a, err := p.post(ctx, "introspection", name, endpoint, form,
		oauthclient.Server{Issuer: m.Issuer, Methods: m.IntrospectionMethods})
	if err != nil {
		return false, err
	}
	var said struct {
		Active *bool `json:"active"`
	}
	if json.Unmarshal(a.body, &said) != nil || said.Active == nil {
		return false, &Error{Endpoint: name, Status: http.StatusOK, What: "an answer without active",
			Remedy: "check introspection_endpoint"}
	}
	return *said.Active, nil
}

// Revoke tells the provider that a token is not used any more (RFC 7009). hint is its kind: access_token,
// refresh_token.
func (p *Provider) Revoke(ctx context.Context, token, hint string, more url.Values) error {
	const name = "revocation_endpoint"
	m, endpoint, err := p.endpoint(ctx, name, func(m *Metadata) string { return m.Revocation })
	if err != nil {
		return err
	}
	form := url.Values{}
	for name, values := range more {
		form[name] = values
	}
	form.Set("token", token)
	form.Set("token_type_hint", hint)
	_, err = p.post(ctx, "revocation", name, endpoint, form,
		oauthclient.Server{Issuer: m.Issuer, Methods: m.RevocationMethods})
	return err
}

// EndSessionURL returns where to send a browser to end its session at the provider (OpenID Connect RP-Initiated Logout
// 1.0 §2).
func (p *Provider) EndSessionURL(ctx context.Context, params url.Values) (string, error) {
	_, endpoint, err := p.endpoint(ctx, "end_session_endpoint", func(m *Metadata) string { return m.EndSession })
	if err != nil {
		return "", err
	}
	return withParameters(endpoint, params), nil
}
