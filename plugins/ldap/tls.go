package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/easgate/easgate/plugins"
)

// TLSOptions say whom to trust and who we are, in the words of Node.js' tls.connect.
type TLSOptions struct {
	// CA are the certificate authorities to trust instead of the system's: PEM, or a list of PEM.
	CA List `json:"ca,omitempty"`
	// Cert is the certificate to show to the server, as PEM, its chain after it. It needs Key.
	Cert string `json:"cert,omitempty"`
	// Key is the private key of Cert, as PEM.
	Key plugins.Secret `json:"key,omitempty"`
	// RejectUnauthorized set to false takes any certificate of any server. Default true.
	RejectUnauthorized *bool `json:"rejectUnauthorized,omitempty"`
	// ServerName is the name that the server's certificate must have. Default is the host in the URL.
	ServerName string `json:"servername,omitempty"`
}

// config returns the settings of crypto/tls. Its errors start with the name of the option.
func (o *TLSOptions) config() (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         o.ServerName,
		InsecureSkipVerify: o.RejectUnauthorized != nil && !*o.RejectUnauthorized, //nolint:gosec // asked for by name
	}
	if len(o.CA) > 0 {
		c.RootCAs = x509.NewCertPool()
		for _, text := range o.CA {
			if !c.RootCAs.AppendCertsFromPEM([]byte(text)) {
				return nil, errors.New("ca: want PEM certificates")
			}
		}
	}
	if o.Cert != "" || o.Key != "" {
		pair, err := tls.X509KeyPair([]byte(o.Cert), []byte(o.Key))
		if err != nil {
			return nil, errors.New("cert: want a PEM certificate with its key")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
