package oauthflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Endpoints are where a provider is asked, by their names in metadata (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
type Endpoints struct {
	Issuer        string `json:"issuer,omitempty"`
	Authorization string `json:"authorization_endpoint,omitempty"`
	Token         string `json:"token_endpoint,omitempty"`
	Userinfo      string `json:"userinfo_endpoint,omitempty"`
	Introspection string `json:"introspection_endpoint,omitempty"`
	Revocation    string `json:"revocation_endpoint,omitempty"`
	EndSession    string `json:"end_session_endpoint,omitempty"`
	JWKS          string `json:"jwks_uri,omitempty"`
}

// all are the endpoints that are called, by name.
func (e *Endpoints) all() map[string]string {
	return map[string]string{
		"authorization_endpoint": e.Authorization, "token_endpoint": e.Token, "userinfo_endpoint": e.Userinfo,
		"introspection_endpoint": e.Introspection, "revocation_endpoint": e.Revocation,
		"end_session_endpoint": e.EndSession, "jwks_uri": e.JWKS,
	}
}

// Check reports an endpoint that is not an http or https URL. The URL is not repeated.
func (e *Endpoints) Check() error {
	for name, endpoint := range e.all() {
		if endpoint != "" && !isURL(endpoint) {
			return fmt.Errorf("%s: want an http or https URL", name)
		}
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Metadata is what is used of a provider's description of itself.
type Metadata struct {
	Endpoints
	// Methods are the ways to authenticate at the token endpoint; nil when it does not say. The others are those of the
	// introspection and revocation endpoints, and Methods where the provider does not say.
	Methods, IntrospectionMethods, RevocationMethods []string
	// SendsIssuer says that callbacks carry the parameter iss (RFC 9207).
	SendsIssuer bool
}

const wellKnown = "/.well-known/"

// discovery returns the URL of the metadata for what an operator wrote.
func discovery(u string) string {
	if strings.Contains(u, wellKnown) {
		return u
	}
	return strings.TrimSuffix(u, "/") + wellKnown + "openid-configuration"
}

// errIssuer is the error of metadata that speak for somebody else.
var errIssuer = errors.New("issuer is not the one that was asked: write the issuer's own discover_url, or issuer " +
	"beside it " +
	"if this is right")

// parse takes what is used, one by one: whatever else is odd breaks nothing. The issuer must be the one that was asked
// (OpenID Connect Discovery 1.0 §4.3): whoever can make people log in at another provider could be anybody there.
func parse(text []byte, discoverURL, want string) (*Metadata, error) {
	var doc map[string]any
	if json.Unmarshal(text, &doc) != nil || doc == nil {
		return nil, errors.New("not a provider's metadata: check discover_url")
	}
	m := &Metadata{}
	_ = json.Unmarshal(text, &m.Endpoints) // one by one below if it fails
	member := func(name string) string { s, _ := doc[name].(string); return s }
	m.Endpoints = Endpoints{
		member("issuer"), member("authorization_endpoint"), member("token_endpoint"), member("userinfo_endpoint"),
		member("introspection_endpoint"), member("revocation_endpoint"), member("end_session_endpoint"), member("jwks_uri"),
	}
	m.SendsIssuer, _ = doc["authorization_response_iss_parameter_supported"].(bool)
	m.Methods = texts(doc["token_endpoint_auth_methods_supported"])
	if m.IntrospectionMethods = texts(
		doc["introspection_endpoint_auth_methods_supported"]); m.IntrospectionMethods == nil {
		m.IntrospectionMethods = m.Methods
	}
	if m.RevocationMethods = texts(doc["revocation_endpoint_auth_methods_supported"]); m.RevocationMethods == nil {
		m.RevocationMethods = m.Methods
	}
	if want == "" {
		base, _, _ := strings.Cut(discoverURL, wellKnown)
		if strings.TrimSuffix(m.Issuer, "/") != strings.TrimSuffix(base, "/") {
			return nil, fmt.Errorf("%.200q: %w", m.Issuer, errIssuer)
		}
	} else if m.Issuer != want {
		return nil, fmt.Errorf("%.200q: %w", m.Issuer, errIssuer)
	}
	return m, m.Check()
}

func texts(v any) (list []string) {
	all, ok := v.([]any)
	if ok {
		list = []string{}
	}
	for _, e := range all {
		if s, ok := e.(string); ok {
			list = append(list, s)
		}
	}
	return list
}
