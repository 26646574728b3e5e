package ldap

import (
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

// TLSOptions say whom to trust and who we are, in the words of Node.js' tls.connect.
type TLSOptions struct {
	// CA are the certificate authorities to trust instead of the system's and those of EAS_CA_FILE: PEM, or a list of PEM.
	CA plugins.List `json:"ca,omitempty"`
	// Cert is the certificate to show to the server, as PEM, its chain after it. It needs Key.
	Cert string `json:"cert,omitempty"`
	// Key is the private key of Cert, as PEM.
	Key plugins.Secret `json:"key,omitempty"`
	// RejectUnauthorized set to false takes any certificate of any server. Default true.
	RejectUnauthorized *bool `json:"rejectUnauthorized,omitempty"`
	// ServerName is the name that the server's certificate must have. Default is the host in the URL. A certificate
	// without alternative names may have it as its common name.
	ServerName string `json:"servername,omitempty"`
	// Fingerprint pins the server's public key, or one of a list: its SHA-256, in base64 or hexadecimal. Such a server is
	// believed whatever its certificate says, and no other.
	Fingerprint plugins.List `json:"fingerprint,omitempty"`
}

// insecure reports whether any server is believed.
func (o *TLSOptions) insecure() bool { return o.RejectUnauthorized != nil && !*o.RejectUnauthorized }

func (o *TLSOptions) settings() tlsclient.Settings {
	return tlsclient.Settings{
		CA: o.CA, Cert: o.Cert, Key: string(o.Key), ServerName: o.ServerName, Fingerprints: o.Fingerprint,
		Insecure: o.insecure(),
	}
}
