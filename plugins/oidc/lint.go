package oidc

import (
	"github.com/easgate/easgate/internal/login"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Lint implements [plugins.Linter].
func (c *Config) Lint(conditional bool, say func(text string)) {
	c.Config.Lint(conditional, say)
	login.LintFeatures(&c.Features, say)
	if !c.Nonce.On(true) {
		say("nonce: off, so an ID token that was stolen elsewhere can be put into a login")
	}
	if c.Assertions.Exp != nil && !*c.Assertions.Exp {
		say("assertions.exp: false: a session outlives its tokens")
	}
}

// Complete implements [plugins.Completer].
func (*Config) Complete(entry *query.Object) {
	login.Complete(entry)
	features, _ := entry.Get("features")
	if o, ok := features.(*query.Object); ok {
		plugins.Default(o, "introspect_access_token", false)
	}
	assertions, _ := entry.Get("assertions")
	if o, ok := assertions.(*query.Object); ok {
		for _, name := range []string{"exp", "nbf", "iss"} {
			plugins.Default(o, name, true)
		}
	}
}
