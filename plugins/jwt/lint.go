package jwt

import (
	"regexp"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/plugins"
)

// What says in rules whose a token is, and for whom, where the options do not: Cognito's access tokens have no aud.
var (
	issuerRule   = regexp.MustCompile(`\biss\b`)
	audienceRule = regexp.MustCompile(`\b(aud|azp|appid|cid|client_id)\b`)
)

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	o := &c.Config.Options
	if c.Config.Secret.allowShort {
		say("config.secret.allow_short: a short secret can be guessed from one JWT")
	}
	if !o.Algorithms.Set {
		say("config.options.algorithms: not given, so every algorithm that suits the key is accepted: name the issuer's")
	}
	// A shared secret is for one service; public keys sign for everybody who asks their issuer.
	if c.public() {
		if !o.Issuer.Set && !issuerRule.Match(c.Assertions.IDToken) {
			say("config.options.issuer: not given, so tokens of every issuer with these keys pass (RFC 8725 §3.8)")
		}
		if !o.Audience.Set && !audienceRule.Match(c.Assertions.IDToken) {
			say("config.options.audience: not given, so tokens that were issued for other services pass (RFC 8725 §3.9)")
		}
	}
	if o.IgnoreExpiration {
		say("config.options.ignoreExpiration: a JWT that leaked once is good for ever")
	}
	bearer.LintSources(c.Sources, say)
	c.inClear(say)
}

// inClear warns of what is asked without TLS.
func (c *Config) inClear(say func(text string)) {
	const why = ": http: whoever is on the way can replace keys and answers, and reads tokens and passwords"
	if c.Config.Secret.url() && plugins.InClear(string(c.Config.Secret.text), "http") {
		say("config.secret" + why)
	}
	i := &c.OIDC.Issuer
	for _, e := range []struct{ name, url string }{
		{"issuer.discover_url", i.DiscoverURL}, {"issuer.jwks_uri", i.JWKSURI},
		{"issuer.userinfo_endpoint", i.UserinfoEndpoint}, {"issuer.introspection_endpoint", i.IntrospectionEndpoint},
		{"client.registration_client_uri", c.OIDC.Client.RegistrationClientURI},
	} {
		if c.OIDC.Enabled && plugins.InClear(e.url, "http") {
			say("oidc." + e.name + why)
		}
	}
}

// Migrate implements [plugins.Migrator].
func (c *Config) Migrate(say func(text string)) {
	if c.OIDC.Enabled && c.OIDC.Features.FetchUserinfo {
		say("oidc.features.fetch_userinfo: userinfo that has no sub, or another than the token, refuses the token")
	}
}

// public reports whether the keys are an issuer's public ones, as far as the configuration alone says it.
func (c *Config) public() bool {
	k := &c.Config.Secret
	set, _ := jwks.Read(string(k.text))
	return k.set != nil || k.url() || set != nil || !k.given && c.OIDC.Enabled
}
