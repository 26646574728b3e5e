package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

// A certificate is the server's, and is replaced when its files change: they are renewed every few weeks.
type certificate struct {
	certFile, keyFile string
	now               atomic.Pointer[tls.Certificate]
}

// newCertificate returns nil if the configuration names none.
func newCertificate(cfg *config.Config) (*certificate, error) {
	if cfg.SSLCert == "" {
		return nil, nil
	}
	c := &certificate{certFile: cfg.SSLCert, keyFile: cfg.SSLKey}
	if err := c.load(); err != nil {
		return nil, hint(err, "EAS_SSL_CERT and EAS_SSL_KEY name PEM files that belong together")
	}
	return c, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	c.now.Store(&pair)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
