package login

import (
	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/oauthclient"
	"github.com/easgate/easgate/plugins"
)

// Config are the options that oidc and oauth2 share.
type Config struct {
	// Issuer is the provider.
	Issuer Issuer `json:"issuer,omitzero"`
	// Client is who we are at the provider.
	Client Client `json:"client,omitzero"`
	// Scopes are what is asked for.
	Scopes []string `json:"scopes,omitempty"`
	// CustomAuthorizationParameters are added to the authorization request. Values are Handlebars templates that see req
	// and parentReqInfo.
	CustomAuthorizationParameters map[string]string `json:"custom_authorization_parameters,omitempty"`
	// CustomAuthorizationCodeParameters are added when a code is exchanged, alike.
	CustomAuthorizationCodeParameters map[string]string `json:"custom_authorization_code_parameters,omitempty"`
	// CustomRefreshParameters are added when tokens are refreshed. Other requests wait for the answer, so their templates
	// see the request that asked first.
	CustomRefreshParameters map[string]string `json:"custom_refresh_parameters,omitempty"`
	// CustomRevokeParameters are added when tokens are revoked.
	CustomRevokeParameters map[string]string `json:"custom_revoke_parameters,omitempty"`
	// RedirectURI is where the provider sends browsers back to: the URL of easgate's own /oauth/callback. By default it is
	// the URL that was asked for, with the query __eas_oauth_handler__=authorization_callback.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// ResponseMode is how the answer comes: query, or form_post, which needs redirect_uri. Default the provider's, query.
	ResponseMode string `json:"response_mode,omitempty" enum:"query,form_post"`
	// PKCE binds a code to the browser's attempt (RFC 7636).
	PKCE PKCE `json:"pkce,omitzero"`
	// XHR is for requests that scripts make.
	XHR XHR `json:"xhr,omitzero"`
	// CSRFCookie is the cookie that logins are begun with, _eas_oauth_csrf.
	CSRFCookie CSRFCookie `json:"csrf_cookie,omitzero"`
	// Cookie is the cookie that names the session.
	Cookie SessionCookie `json:"cookie,omitzero"`
	// Pages are for browsers that ask easgate itself, where the config token is mounted.
	Pages Pages `json:"pages,omitzero"`
	// TLS says whom to trust, and who we are, when the provider is asked. By default the system's certificate authorities
	// are trusted and no certificate is shown.
	TLS plugins.TLS `json:"tls,omitzero"`
}

// Issuer names endpoints, by hand or by discovery. All are http or https URLs.
type Issuer struct {
	// DiscoverURL is where the issuer describes itself; /.well-known/openid-configuration is added if it has no
	// /.well-known/. It takes preference over everything below.
	DiscoverURL string `json:"discover_url,omitempty"`

	// Issuer is the issuer's name. Beside discover_url it is the name that the description must have; by default the
	// URL's.
	Issuer string `json:"issuer,omitempty"`
	// AuthorizationEndpoint is where people log in.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	// TokenEndpoint gives tokens for codes.
	TokenEndpoint string `json:"token_endpoint,omitempty"`
	// UserinfoEndpoint says who an access token is about.
	UserinfoEndpoint string `json:"userinfo_endpoint,omitempty"`
	// IntrospectionEndpoint says whether an access token is active.
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	// RevocationEndpoint ends tokens.
	RevocationEndpoint string `json:"revocation_endpoint,omitempty"`
	// EndSessionEndpoint ends the provider's own session.
	EndSessionEndpoint string `json:"end_session_endpoint,omitempty"`
	// JWKSURI is where the issuer's keys are.
	JWKSURI string `json:"jwks_uri,omitempty"`
}

// Client is a client's credentials, by hand or by what its registration says (RFC 7592 §2.1).
type Client struct {
	// ClientID is the client's name.
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret is the client's password. A client with neither this nor anything else below is public, which needs
	// pkce.
	ClientSecret plugins.Secret `json:"client_secret,omitempty"`
	// PrivateKey signs assertions instead of a password (RFC 7523): PEM, or a JWK as text.
	PrivateKey plugins.Secret `json:"private_key,omitempty"`
	// AssertionFile is a file that holds an assertion which somebody else signs and replaces, such as a Kubernetes service
	// account token. It is read at each use. An absolute path.
	AssertionFile string `json:"assertion_file,omitempty"`
	// TokenEndpointAuthMethod is how the client authenticates: client_secret_basic, client_secret_post,
	// client_secret_jwt, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none. Default what the
	// registration says, else what the issuer supports and the credentials allow, else client_secret_basic.
	TokenEndpointAuthMethod oauthclient.Method `json:"token_endpoint_auth_method,omitempty"`
	// TokenEndpointAuthSigningAlg signs the assertions. Default RS256, HS256, EdDSA, or what suits the curve.
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// RegistrationClientURI is where the client's registration is, if there are no credentials here.
	RegistrationClientURI string `json:"registration_client_uri,omitempty"`
	// RegistrationAccessToken is the bearer token to read it with.
	RegistrationAccessToken plugins.Secret `json:"registration_access_token,omitempty"`
}

// Features say what a session is like. The time spans are seconds.
type Features struct {
	// CookieExpiry is how long the browser keeps the cookie: seconds, true for as long as the access token lives, or
	// false, until the browser is closed. Default false.
	CookieExpiry *bearer.Seconds `json:"cookie_expiry,omitempty"`
	// UserinfoExpiry is when userinfo is fetched again: after that many seconds, true when tokens are refreshed, or false,
	// never. Default true.
	UserinfoExpiry *bearer.Seconds `json:"userinfo_expiry,omitempty"`
	// SessionExpiry is how long a session lasts: seconds, counted anew when tokens or userinfo are refreshed; true for as
	// long as the tokens last or can be refreshed; or false, until logout. Default true.
	SessionExpiry *bearer.Seconds `json:"session_expiry,omitempty"`
	// SessionExpiryRefreshWindow is how many seconds before its end a session of that many seconds starts anew when it is
	// used. Default 0, never.
	SessionExpiryRefreshWindow float64 `json:"session_expiry_refresh_window,omitempty"`
	// SessionRetainID has no meaning here: each login gets a new id, so that nobody can choose it beforehand.
	SessionRetainID *bool `json:"session_retain_id,omitempty"`
	// RefreshAccessToken gets fresh tokens when the access token has expired and there is a refresh token. Default true.
	RefreshAccessToken *bool `json:"refresh_access_token,omitempty"`
	// FetchUserinfo asks who logged in, and sends the answer as JSON in X-Userinfo. Default true.
	FetchUserinfo *bool `json:"fetch_userinfo,omitempty"`
	// IntrospectAccessToken asks whether the access token is still active (RFC 7662).
	IntrospectAccessToken bool `json:"introspect_access_token,omitempty"`
	// IntrospectExpiry is how long an active token is not asked about again: seconds. Default 0, ask every time.
	IntrospectExpiry bearer.Seconds `json:"introspect_expiry,omitzero"`
	// AuthorizationToken is the token to send upstream as Authorization: Bearer: id_token, access_token or refresh_token.
	// Default none.
	AuthorizationToken string `json:"authorization_token,omitempty" enum:"id_token,access_token,refresh_token"`
	// FilteredServiceHeaders are headers not to send, of X-Id-Token, X-Userinfo and X-Access-Token.
	FilteredServiceHeaders []string `json:"filtered_service_headers,omitempty"`
	// Logout says what else ends with a session.
	Logout LogoutOptions `json:"logout,omitzero"`
}

// LogoutOptions say what a logout does besides ending the session.
type LogoutOptions struct {
	// RevokeTokensOnLogout are the tokens to end at the provider (RFC 7009): access_token, refresh_token.
	RevokeTokensOnLogout []string `json:"revoke_tokens_on_logout,omitempty" enum:"access_token,refresh_token,id_token"`
	// EndProviderSession ends the provider's own session too (OpenID Connect RP-Initiated Logout 1.0).
	EndProviderSession EndProviderSession `json:"end_provider_session,omitzero"`
	// Backchannel lets the provider end sessions (OpenID Connect Back-Channel Logout 1.0).
	Backchannel Backchannel `json:"backchannel,omitzero"`
	// RedirectURIs are where a logout may lead besides the site of the request itself and of cookie.domain: URLs, of which
	// scheme, host and port count.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
}

// EndProviderSession says whether and how a logout ends the provider's own session.
type EndProviderSession struct {
	// Enabled turns it on. Default false.
	Enabled bool `json:"enabled,omitempty"`
	// PostLogoutRedirectURI is the URL of easgate's own /oauth/end-session-redirect, as registered with the provider.
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri,omitempty"`
}

// Backchannel is about logouts that begin at the provider.
type Backchannel struct {
	// Enabled has no meaning here: what the provider ends, ends.
	Enabled *bool `json:"enabled,omitempty"`
}

// PKCE is a [Switch], and a method.
type PKCE struct {
	Switch
	// CodeChallengeMethod is S256, and nothing else.
	CodeChallengeMethod string `json:"code_challenge_method,omitempty" enum:"S256"`
}

// Switch turns something on or off.
type Switch struct {
	// Enabled turns it on or off. By default it is on in native tokens, and off in those of external-auth-server's format.
	Enabled *bool `json:"enabled,omitempty"`
}

// On reports whether it is on.
func (s Switch) On(byDefault bool) bool { return on(s.Enabled, byDefault) }

func on(b *bool, byDefault bool) bool {
	if b == nil {
		return byDefault
	}
	return *b
}

// XHR is for requests that scripts make: those with the header Origin, and in native tokens all that a browser says
// are no navigation (Sec-Fetch-Mode).
type XHR struct {
	// RedirectHTTPCode is the status of a redirect to the login. Default 401 in native tokens, 302 otherwise.
	RedirectHTTPCode int `json:"redirect_http_code,omitempty"`
	// UseRefererAsRedirectURI returns to the page that made the request, if that is of the same site.
	UseRefererAsRedirectURI bool `json:"use_referer_as_redirect_uri,omitempty"`
}

// CSRFCookie says how the cookie is set that logins are begun with.
type CSRFCookie struct {
	// Enabled binds a login to the browser that began it. Default true.
	Enabled *bool `json:"enabled,omitempty"`
	CookieOptions
}

// SessionCookie says how the cookie is set that names the session.
type SessionCookie struct {
	// Name is the cookie's name. Default _eas_oauth_session, with __Host- before it where browsers take that: over https,
	// without a domain and with the path /.
	Name string `json:"name,omitempty"`
	CookieOptions
}

// CookieOptions are attributes of cookies (RFC 6265 §4.1.2).
type CookieOptions struct {
	// Domain sends the cookie to all hosts of a domain. Default the host that was asked for.
	Domain string `json:"domain,omitempty"`
	// Path is where the cookie is sent. Default /.
	Path string `json:"path,omitempty"`
	// HTTPOnly hides the cookie from scripts. Default true.
	HTTPOnly *bool `json:"httpOnly,omitempty"`
	// Secure keeps the cookie off plain http. Default true, but at localhost.
	Secure *bool `json:"secure,omitempty"`
	// SameSite is lax, strict or none. Default lax.
	SameSite string `json:"sameSite,omitempty" enum:"lax,strict,none"`
}
