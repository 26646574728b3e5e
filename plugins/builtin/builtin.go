// Package builtin is the list of the plugins that easgate knows.
package builtin

import (
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/firebasejwt"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/htpasswd"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/ldap"
	"github.com/easgate/easgate/plugins/noop"
	"github.com/easgate/easgate/plugins/oauth2"
	"github.com/easgate/easgate/plugins/oidc"
	"github.com/easgate/easgate/plugins/requestheader"
	"github.com/easgate/easgate/plugins/requestjs"
	"github.com/easgate/easgate/plugins/requestparam"
)

// Registry returns the plugins by the type that config tokens name.
func Registry() plugins.Registry {
	return plugins.Registry{
		"firebase_jwt":   plugins.Of(firebasejwt.New),
		"forward":        plugins.Of(forward.New),
		"htpasswd":       plugins.Of(htpasswd.New),
		"jwt":            plugins.Of(jwt.New),
		"ldap":           plugins.Of(ldap.New),
		"noop":           plugins.Of(noop.New),
		"oauth2":         plugins.Of(oauth2.New),
		"oidc":           plugins.Of(oidc.New),
		"request_header": plugins.Of(requestheader.New),
		"request_js":     plugins.Of(requestjs.New),
		"request_param":  plugins.Of(requestparam.New),
	}
}
