package firebasejwt

import (
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the firebase_jwt plugin.
type Config struct {
	// Realm is what challenges name. Default the parent URI.
	Realm string `json:"realm,omitempty"`
	// HeaderName is the header that carries the token. Default Authorization.
	HeaderName string `json:"header_name,omitempty"`
	// Scheme is the word before the token. Default Bearer in Authorization and none in any other header.
	Scheme string `json:"scheme,omitempty"`
	// Sources are the places where a token may be, in their order: the first that has one counts. Instead of header_name
	// and scheme.
	Sources []bearer.Source `json:"sources,omitempty"`
	// TLS says whom to trust, and who we are, when Google is asked. By default the system's certificate authorities are
	// trusted and no certificate is shown.
	TLS plugins.TLS `json:"tls,omitzero"`
	// Config names the Firebase project. Required.
	Config Project `json:"config"`
	// Features are what to ask Firebase about a token that is right.
	Features Features `json:"features,omitzero"`
	// Assertions are rules that a right token must meet, or it is denied with 403.
	Assertions Assertions `json:"assertions,omitzero"`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) { bearer.LintSources(c.Sources, say) }

// Project names the Firebase project.
type Project struct {
	// ProjectID is the project's id. Tokens must be issued by and for it. Required.
	ProjectID string `json:"project_id"`
	// APIKey is the project's web API key. Required for fetch_userinfo and checkRevoked.
	APIKey plugins.Secret `json:"api_key,omitempty"`
	// Options are what a token must be like besides. Issuer and audience are the project's, whatever they say.
	Options Options `json:"options,omitzero"`
	// KeysURL is where Google's certificates are. Default Google's own.
	KeysURL string `json:"keys_url,omitempty"`
	// UserinfoURL is Firebase's getAccountInfo. Default Google's own.
	UserinfoURL string `json:"userinfo_url,omitempty"`
}

// Options are jsonwebtoken's verify options and one more.
type Options struct {
	jwtverify.Options
	// CheckRevoked refuses tokens from before the user's sessions were ended, and those of disabled users.
	CheckRevoked bool `json:"checkRevoked,omitempty"`
}

// Features are what to ask Firebase about a token that is right.
type Features struct {
	// FetchUserinfo gets the user's account, for rules and custom headers.
	FetchUserinfo bool `json:"fetch_userinfo,omitempty"`
	// UserinfoExpiry is how many seconds the account is remembered, and how late a revocation may be noticed.
	// Default 0: it is fetched with every request.
	UserinfoExpiry bearer.Seconds `json:"userinfo_expiry,omitzero"`
}

// Assertions are lists of rules. What JavaScript takes for no value is no rule.
type Assertions struct {
	// IDToken rules see the claims of the token.
	IDToken assertion.Rules `json:"id_token,omitempty"`
	// UserInfo rules see the account.
	UserInfo assertion.Rules `json:"userinfo,omitempty"`
}
