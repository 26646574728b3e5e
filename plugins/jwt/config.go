package jwt

import (
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/oauthclient"
	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the jwt plugin.
type Config struct {
	// Realm is what challenges name. Default the token endpoint of the oidc issuer, else the parent URI.
	Realm string `json:"realm,omitempty"`
	// HeaderName is the header that carries the token. Default Authorization.
	HeaderName string `json:"header_name,omitempty"`
	// Scheme is the word before the token. Default Bearer in Authorization and none in any other header.
	// Challenges are sent for Bearer only.
	Scheme string `json:"scheme,omitempty"`
	// Sources are the places where a token may be, in their order: the first that has one counts. Instead of header_name
	// and scheme.
	Sources []bearer.Source `json:"sources,omitempty"`
	// TLS says whom to trust, and who we are, when a key set or the issuer is asked. By default the system's certificate
	// authorities are trusted and no certificate is shown.
	TLS plugins.TLS `json:"tls,omitzero"`
	// Config says which tokens are right.
	Config Token `json:"config,omitzero"`
	// Assertions are rules that a right token must meet, or it is denied with 403.
	Assertions Assertions `json:"assertions,omitzero"`
	// OIDC asks the token's issuer about it.
	OIDC OIDC `json:"oidc,omitzero"`
}

// Token says which tokens are right.
type Token struct {
	// Secret verifies signatures: the http or https URL of a JWK set, a public key or certificate (PEM, or base64 of
	// DER), a JWK set, or a shared secret, which is {text: …}, {base64: …}, {base64url: …} or {file: …}, or text beside
	// an HS algorithm. Required, unless the oidc issuer names its keys.
	Secret Keys `json:"secret,omitzero" secret:"url"`
	// Options are what a token must be like besides.
	Options jwtverify.Options `json:"options,omitzero"`
}

// Assertions are lists of rules; see internal/assertion. What JavaScript takes for no value is no rule.
type Assertions struct {
	// IDToken rules see the claims of the token.
	IDToken assertion.Rules `json:"id_token,omitempty"`
	// UserInfo rules see the answer of the userinfo endpoint.
	UserInfo assertion.Rules `json:"userinfo,omitempty"`
}

// OIDC says where the issuer is and what to ask it (OpenID Connect Discovery 1.0 §3).
type OIDC struct {
	// Enabled turns all of this on. Default false.
	Enabled bool `json:"enabled,omitempty"`
	// Issuer is where the endpoints are. Required.
	Issuer Issuer `json:"issuer,omitzero"`
	// Client is who asks. Required for introspect_access_token.
	Client Client `json:"client,omitzero"`
	// Features are the questions.
	Features Features `json:"features,omitzero"`
}

// Issuer names endpoints, by hand or by discovery. All are http or https URLs.
type Issuer struct {
	// DiscoverURL is where the issuer describes itself; /.well-known/openid-configuration is added if it has no
	// /.well-known/. It takes preference over everything below.
	DiscoverURL string `json:"discover_url,omitempty"`

	// Issuer is the issuer's name. It is not compared with iss; config.options.issuer is.
	Issuer string `json:"issuer,omitempty"`
	// AuthorizationEndpoint is not used here; issuers are described alike in all plugins.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	// TokenEndpoint is the default realm of challenges.
	TokenEndpoint string `json:"token_endpoint,omitempty"`
	// UserinfoEndpoint is asked for fetch_userinfo.
	UserinfoEndpoint string `json:"userinfo_endpoint,omitempty"`
	// IntrospectionEndpoint is asked for introspect_access_token.
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	// RevocationEndpoint is not used here.
	RevocationEndpoint string `json:"revocation_endpoint,omitempty"`
	// EndSessionEndpoint is not used here.
	EndSessionEndpoint string `json:"end_session_endpoint,omitempty"`
	// JWKSURI is where the keys are, if config.secret is not set.
	JWKSURI string `json:"jwks_uri,omitempty"`
}

// Client is a relying party's credentials, by hand or by what its registration says (RFC 7592 §2.1).
type Client struct {
	// ClientID is the client's name.
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret is the client's password.
	ClientSecret plugins.Secret `json:"client_secret,omitempty"`
	// PrivateKey signs assertions instead of a password (RFC 7523): PEM, or a JWK as text.
	PrivateKey plugins.Secret `json:"private_key,omitempty"`
	// TokenEndpointAuthMethod is how the client authenticates (RFC 7591 §2, RFC 8705 §2). Default what the
	// registration says, else what the issuer supports and the credentials allow, else client_secret_basic.
	TokenEndpointAuthMethod oauthclient.Method `json:"token_endpoint_auth_method,omitempty"`
	// TokenEndpointAuthSigningAlg signs the assertions. Default RS256, HS256, EdDSA, or what suits the curve.
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// RegistrationClientURI is where the client's registration is, if there are no credentials here.
	RegistrationClientURI string `json:"registration_client_uri,omitempty"`
	// RegistrationAccessToken is the bearer token to read it with.
	RegistrationAccessToken plugins.Secret `json:"registration_access_token,omitempty"`
}

// Features are what to ask the issuer about a token whose signature and claims are right.
type Features struct {
	// IntrospectAccessToken asks whether the token is still active (RFC 7662).
	IntrospectAccessToken bool `json:"introspect_access_token,omitempty"`
	// IntrospectExpiry is how long an active token is not asked about again: seconds. Default 0, ask every time.
	IntrospectExpiry bearer.Seconds `json:"introspect_expiry,omitzero"`
	// FetchUserinfo asks who the token is about, and sends the answer as JSON in X-Userinfo.
	FetchUserinfo bool `json:"fetch_userinfo,omitempty"`
	// UserinfoExpiry is how long that is remembered: seconds, or true for as long as the token lives. Default 0.
	UserinfoExpiry bearer.Seconds `json:"userinfo_expiry,omitzero"`
	// FilteredServiceHeaders are headers not to send, of X-Userinfo and X-Access-Token.
	FilteredServiceHeaders []string `json:"filtered_service_headers,omitempty"`
}
