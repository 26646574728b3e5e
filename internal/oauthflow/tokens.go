package oauthflow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/oauthclient"
)

// Tokens are what a provider gives for a code or a refresh token (RFC 6749 §5.1).
type Tokens struct {
	Access  string `json:"access_token,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`
	ID      string `json:"id_token,omitempty"`
	Type    string `json:"token_type,omitempty"`
	Scope   string `json:"scope,omitempty"`
	// Expires and RefreshExpires are when Access and Refresh end, in seconds since 1970; 0 when the provider does not say.
	Expires        int64 `json:"expires_at,omitempty"`
	RefreshExpires int64 `json:"refresh_expires_at,omitempty"`
}

// A Grant is a code and what proves that it is ours.
type Grant struct {
	Code, RedirectURI string
	// Verifier is PKCE's (RFC 7636); "" without.
	Verifier string
	// More are further parameters.
	More url.Values
}

// AuthorizationURL returns where to send a browser, with those parameters added to what the endpoint's URL has.
func (p *Provider) AuthorizationURL(ctx context.Context, params url.Values) (string, error) {
	_, endpoint, err := p.endpoint(ctx, "authorization_endpoint", func(m *Metadata) string { return m.Authorization })
	if err != nil {
		return "", err
	}
	return withParameters(endpoint, params), nil
}

func withParameters(endpoint string, params url.Values) string {
	endpoint, fragment, _ := strings.Cut(endpoint, "#")
	separator := "?"
	if strings.Contains(endpoint, "?") {
		separator = "&"
	}
	endpoint += separator + params.Encode()
	if fragment != "" {
		endpoint += "#" + fragment
	}
	return endpoint
}

// Exchange gets tokens for a code.
func (p *Provider) Exchange(ctx context.Context, g Grant) (Tokens, error) {
	form := url.Values{}
	for name, values := range g.More {
		form[name] = values
	}
	form.Set("grant_type", "authorization_code")
	form.Set("code", g.Code)
	form.Set("redirect_uri", g.RedirectURI)
	if g.Verifier != "" {
		form.Set("code_verifier", g.Verifier)
	}
	return p.tokens(ctx, form)
}

// Refresh gets tokens for a refresh token. Where the answer has no new one, the old one is in the result: it is good
// for another time (RFC 6749 §6).
func (p *Provider) Refresh(ctx context.Context, token string, more url.Values) (Tokens, error) {
	form := url.Values{}
	for name, values := range more {
		form[name] = values
	}
	form.Set("grant_type", "refresh_token")
	form.Set("refresh_token", token)
	t, err := p.tokens(ctx, form)
	if err == nil && t.Refresh == "" {
		t.Refresh = token
	}
	return t, err
}

func (p *Provider) tokens(ctx context.Context, form url.Values) (t Tokens, err error) {
	const name = "token_endpoint"
	m, endpoint, err := p.endpoint(ctx, name, func(m *Metadata) string { return m.Token })
	if err != nil {
		return t, err
	}
	a, err := p.post(ctx, "token", name, endpoint, form, oauthclient.Server{Issuer: m.Issuer, Methods: m.Methods})
	if err != nil {
		return t, err
	}
	var said struct {
		Tokens
		ExpiresIn        json.RawMessage `json:"expires_in"`
		RefreshExpiresIn json.RawMessage `json:"refresh_expires_in"`
		RefreshTokenTTL  json.RawMessage `json:"refresh_token_expires_in"` // Microsoft's and GitHub's name
		ExpiresAt        json.RawMessage `json:"expires_at"`               // hides Tokens' own, which is ours
		RefreshExpiresAt json.RawMessage `json:"refresh_expires_at"`
	}
	if json.Unmarshal(a.body, &said) != nil || said.Access == "" && said.ID == "" {
		return t, &Error{Endpoint: name, Status: http.StatusOK, What: "an answer without tokens",
			Remedy: "check token_endpoint"}
	}
	now := p.c.Now()
	t = said.Tokens
	t.Expires = after(now, said.ExpiresIn)
	if t.RefreshExpires = after(now, said.RefreshExpiresIn); t.RefreshExpires == 0 {
		t.RefreshExpires = after(now, said.RefreshTokenTTL)
	}
	return t, nil
}

// after returns the time that is raw seconds after now; 0 for none. Some providers send a number as text.
func after(now time.Time, raw json.RawMessage) int64 {
	text := strings.Trim(string(raw), `" `)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 || n > 1e10 {
		return 0
	}
	return now.Unix() + int64(n)
}
