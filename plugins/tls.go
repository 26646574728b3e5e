package plugins

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"

	"github.com/easgate/easgate/internal/tlsclient"
)

// TLS says which server to believe and who we are, where a plugin calls https URLs.
type TLS struct {
	// CA are the certificate authorities to trust instead of the system's and those of EAS_CA_FILE: PEM, or a list of PEM.
	CA List `json:"ca,omitempty"`
	// Cert is the certificate to show to the server, as PEM, its chain after it. It needs Key.
	Cert string `json:"cert,omitempty"`
	// Key is the private key of Cert, as PEM.
	Key Secret `json:"key,omitempty"`
	// ServerName is the name that the server's certificate must have. Default is the host in the URL. A certificate
	// without alternative names may have it as its common name.
	ServerName string `json:"server_name,omitempty"`
	// Fingerprint pins the server's public key, or one of a list: its SHA-256, in base64 or hexadecimal. Such a server is
	// believed whatever its certificate says, and no other.
	Fingerprint List `json:"fingerprint,omitempty"`
	// Insecure believes every server, for plugins that have an option for that.
	Insecure bool `json:"-"`
}

// Client returns env.HTTP; or, when t says anything, a client like it with connections of its own, which the plugin
// closes with CloseIdleConnections in its Close. Errors start with the name of the option below tls.
func (t *TLS) Client(env Env) (client *http.Client, own bool, err error) {
	shared := env.HTTP
	if shared == nil {
		shared = http.DefaultClient
	}
	if len(t.CA) == 0 && t.Cert == "" && t.Key == "" && t.ServerName == "" && len(t.Fingerprint) == 0 && !t.Insecure {
		return shared, false, nil
	}
	config, err := env.ClientTLS("", tlsclient.Settings{
		CA: t.CA, Cert: t.Cert, Key: string(t.Key), ServerName: t.ServerName, Fingerprints: t.Fingerprint,
		Insecure: t.Insecure,
	})
	if err != nil {
		return nil, false, err
	}
	base, ok := shared.Transport.(*http.Transport)
	if !ok {
		base = http.DefaultTransport.(*http.Transport)
	}
	transport := base.Clone()
	transport.TLSClientConfig = config
	c := *shared
	c.Transport = transport
	return &c, true, nil
}

// ClientTLS returns what s means for connections to host, "" where that is set for each of them.
func (e Env) ClientTLS(host string, s tlsclient.Settings) (*tls.Config, error) {
	return s.Config(host, e.Roots, func(text string) {
		if e.Log != nil {
			e.Log.Warn("tls: " + text)
		}
	})
}

// A List is a list of strings. In JSON one string may stand for a list of it.
type List []string

// Schema implements strictjson.Describer.
func (List) Schema() string {
	return `{"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}`
}

// UnmarshalJSON reads a string or a list of strings; null leaves l as it is.
func (l *List) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*l = List{s}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(l))
}
