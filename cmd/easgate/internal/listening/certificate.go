package listening

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/easgate/easgate/internal/watch"
)

// A Certificate is the server's, and is replaced when its files change: they are renewed every few weeks.
type Certificate struct {
	certFile, keyFile string
	loader            watch.Loader
	now               atomic.Pointer[tls.Certificate]
}

// NewCertificate returns nil if no files are named.
func NewCertificate(certFile, keyFile string) (*Certificate, error) {
	if certFile == "" {
		return nil, nil
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	return c, c.Load()
}

// Load reads the files again. A certificate that cannot be read stays as it was.
func (c *Certificate) Load() error {
	return c.loader.Load(func(contents [][]byte, err error) error {
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		pair, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		c.now.Store(&pair)
		return nil
	}, c.certFile, c.keyFile)
}

// Config returns nil for a nil certificate: no TLS.
func (c *Certificate) Config(protocol string) *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{protocol},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
