package ldap

import (
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Complete implements [plugins.Completer].
func (*Config) Complete(entry *query.Object) {
	v, _ := entry.Get("connection")
	if c, ok := v.(*query.Object); ok {
		plugins.Default(c, "cache", true)
		c.Set("reconnect", true)
		plugins.Default(c, "timeout", 3000.0)
		plugins.Default(c, "connectTimeout", 10000.0)
		plugins.Default(c, "idleTimeout", 10000.0)
	}
	plugins.Default(entry, "session_cache_ttl", 900.0)
	plugins.ObjectIn(entry, "assertions")
}
