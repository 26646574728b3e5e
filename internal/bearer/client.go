package bearer

import (
	"net/http"

	"github.com/easgate/easgate/plugins"
)

// Closing returns p, which closes the connections of client in the end if they are its own: see [plugins.TLS.Client].
func Closing(p plugins.Plugin, client *http.Client, own bool) plugins.Plugin {
	if !own {
		return p
	}
	return closing{p, client}
}

type closing struct {
	plugins.Plugin
	client *http.Client
}

// Close implements [plugins.Closer].
func (c closing) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
