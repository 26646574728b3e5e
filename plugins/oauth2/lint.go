package oauth2

import (
	"github.com/easgate/easgate/internal/login"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Lint implements [plugins.Linter].
func (c *Config) Lint(conditional bool, say func(text string)) {
	c.Config.Lint(conditional, say)
	login.LintFeatures(&c.Features.Features, say)
	if plugins.InClear(c.Features.UserInfo.Config.URL, "http") {
		say("features.userinfo.config.url: http: whoever is on the way can log in as anybody")
	}
}

// Complete implements [plugins.Completer].
func (*Config) Complete(entry *query.Object) { login.Complete(entry) }
