package jwt

import (
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Complete implements [plugins.Completer].
func (*Config) Complete(entry *query.Object) {
	oidc := plugins.ObjectIn(entry, "oidc")
	plugins.ObjectIn(entry, "assertions")
	if oidc != nil {
		plugins.Default(oidc, "enabled", false)
		plugins.ObjectIn(oidc, "features")
	}
}
