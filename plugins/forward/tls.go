package forward

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/easgate/easgate/plugins"
)

// TLS says whom to trust and who we are.
type TLS struct {
	// CA are the certificate authorities to trust instead of the system's, as PEM.
	CA string `json:"ca,omitempty"`
	// Cert is the certificate to show to the service, as PEM, its chain after it. It needs Key.
	Cert string `json:"cert,omitempty"`
	// Key is the private key of Cert, as PEM.
	Key plugins.Secret `json:"key,omitempty"`
	// ServerName is the name that the service's certificate must have. Default is the host in the URL.
	ServerName string `json:"server_name,omitempty"`
}

func (t *TLS) isZero() bool { return *t == TLS{} }

// config returns the settings of crypto/tls. Its errors start with the name of the option.
func (t *TLS) config(insecure bool) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: insecure, //nolint:gosec // allow_insecure asks for it by name
	}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("ca: want PEM certificates")
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			return nil, errors.New("cert: want a PEM certificate with its key")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
