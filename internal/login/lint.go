package login

import (
	"strings"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	i := &c.Issuer
	for _, e := range []struct{ name, url string }{
		{"issuer.discover_url", i.DiscoverURL}, {"issuer.authorization_endpoint", i.AuthorizationEndpoint},
		{"issuer.token_endpoint", i.TokenEndpoint}, {"issuer.userinfo_endpoint", i.UserinfoEndpoint},
		{"issuer.introspection_endpoint", i.IntrospectionEndpoint}, {"issuer.revocation_endpoint", i.RevocationEndpoint},
		{"issuer.jwks_uri", i.JWKSURI}, {"client.registration_client_uri", c.Client.RegistrationClientURI},
	} {
		if plugins.InClear(e.url, "http") {
			say(e.name + ": http: whoever is on the way can log in as anybody, and reads tokens and passwords")
		}
	}
	if plugins.InClear(c.RedirectURI, "http") {
		say("redirect_uri: http: codes travel in clear")
	}
	if !c.PKCE.On(true) {
		say("pkce: off, so whoever sees a code in a log or a browser's history can try to use it (RFC 9700 §2.1.1)")
	}
	if !on(c.CSRFCookie.Enabled, true) {
		say("csrf_cookie.enabled: false: a link can log people in as somebody else (RFC 6749 §10.12)")
	}
	for _, cookie := range []struct {
		name string
		o    *CookieOptions
	}{{"cookie", &c.Cookie.CookieOptions}, {"csrf_cookie", &c.CSRFCookie.CookieOptions}} {
		if !on(cookie.o.Secure, true) {
			say(cookie.name + ".secure: false: the cookie travels in clear over http, for whoever listens")
		}
		if !on(cookie.o.HTTPOnly, true) {
			say(cookie.name + ".httpOnly: false: every script of the site can read the cookie")
		}
		switch strings.ToLower(cookie.o.SameSite) {
		case "strict":
			say(cookie.name + ".sameSite: strict: browsers do not send the cookie on the way back from the provider, nor " +
				"when a link " +
				"of another site is followed: people log in again and again")
		case "none":
			say(cookie.name + ".sameSite: none: other sites' pages make requests as the person who is logged in")
		}
	}
}

// LintFeatures says what is unsafe about features.
func LintFeatures(f *Features, say func(text string)) {
	for _, u := range f.Logout.RedirectURIs {
		if plugins.InClear(u, "http") {
			say("features.logout.redirect_uris: http")
		}
	}
	if f.SessionExpiry != nil && !f.SessionExpiry.Token && f.SessionExpiry.Number <= 0 {
		say("features.session_expiry: false: a cookie that was stolen is good until somebody logs out")
	}
}

// Migrate implements [plugins.Migrator].
func (c *Config) Migrate(say func(text string)) {
	say("people log in once more, for cookies and sessions of external-auth-server are not taken; each login has a new " +
		"session id, " +
		"whatever session_retain_id says; a logout leads to its own site, cookie.domain and features.logout.redirect_uris " +
		"only")
	if c.Cookie.Secure == nil || c.CSRFCookie.Secure == nil {
		say("cookie.secure, csrf_cookie.secure: true by default, false there: behind a proxy that speaks http to the " +
			"world, set both to false")
	}
}

// Complete adds external-auth-server's defaults to an entry, in its order.
func Complete(entry *query.Object) {
	for _, name := range []string{
		"custom_authorization_parameters", "custom_authorization_code_parameters", "custom_refresh_parameters",
		"custom_revoke_parameters",
	} {
		plugins.ObjectIn(entry, name)
	}
	cookie, csrf := plugins.ObjectIn(entry, "cookie"), plugins.ObjectIn(entry, "csrf_cookie")
	if csrf != nil {
		plugins.Default(csrf, "enabled", true)
	}
	if cookie != nil {
		plugins.Default(cookie, "name", defaultSessionCookie)
	}
	for _, o := range []*query.Object{csrf, cookie} {
		if o == nil {
			continue
		}
		plugins.Default(o, "domain", nil)
		plugins.Default(o, "path", "/")
		plugins.Default(o, "secure", false)
		plugins.Default(o, "httpOnly", true)
		plugins.Default(o, "sameSite", "lax")
	}
	if features := plugins.ObjectIn(entry, "features"); features != nil {
		plugins.Default(features, "filtered_service_headers", []any{})
		if logout := plugins.ObjectIn(features, "logout"); logout != nil {
			plugins.ObjectIn(logout, "end_provider_session")
			plugins.ObjectIn(logout, "backchannel")
		}
		plugins.Default(features, "cookie_expiry", false)
		for _, name := range []string{"userinfo_expiry", "session_retain_id", "session_expiry", "refresh_access_token",
			"fetch_userinfo"} {
			plugins.Default(features, name, true)
		}
	}
	plugins.ObjectIn(entry, "assertions")
	plugins.ObjectIn(entry, "xhr")
}
