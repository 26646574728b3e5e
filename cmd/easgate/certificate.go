package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/easgate/easgate/internal/watch"
)

// A certificate is the server's, and is replaced when its files change: they are renewed every few weeks.
type certificate struct {
	certFile, keyFile string
	loader            watch.Loader
	now               atomic.Pointer[tls.Certificate]
}

// newCertificate returns nil if no files are named.
func newCertificate(certFile, keyFile string) (*certificate, error) {
	if certFile == "" {
		return nil, nil
	}
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.load()
}

func (c *certificate) load() error {
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

// config returns nil for a nil certificate: no TLS.
func (c *certificate) config(protocol string) *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{protocol},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
