package sqldb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/easgate/easgate/internal/tlsclient"
)

func (s *SSL) verifies() bool { return s.RejectUnauthorized == nil || *s.RejectUnauthorized }

// tls returns the settings of TLS. mode is libpq's, and wins over SSL; "" leaves it to that. Its errors start with the
// option's path.
func (c *Connection) tls(cfg *Config, mode string) (*tls.Config, error) {
	o := tlsclient.Settings{ServerName: c.SSL.ServerName, Fingerprints: c.SSL.Fingerprint, Insecure: !c.SSL.verifies()}
	switch mode {
	case "no-verify", "require":
		o.Insecure = len(o.Fingerprints) == 0
	case "verify-ca":
		o.AnyName, o.Insecure = true, false
	case "verify-full":
		o.Insecure = false
	}
	var ca, key string
	for _, f := range []struct {
		name string
		text string
		to   *string
	}{{"ca", c.SSL.CA, &ca}, {"cert", c.SSL.Cert, &o.Cert}, {"key", string(c.SSL.Key), &key}} {
		var err error
		if *f.to, err = tlsclient.PEM(f.text); err != nil {
			return nil, fmt.Errorf("connection.ssl.%s: %w", f.name, err)
		}
	}
	if ca != "" {
		o.CA = []string{ca}
	}
	if o.Cert != "" {
		o.Key = key
	}
	t, err := o.Config(c.host(), cfg.Roots, cfg.Warn)
	if err != nil {
		return nil, fmt.Errorf("connection.ssl.%w", err)
	}
	return t, nil
}

// postgresTLS reports whether connections are secured here: not by the driver, nor where TLS is only tried.
func (c *Connection) postgresTLS() bool {
	switch c.SSLMode {
	case "":
		return c.SSL.On
	case "no-verify", "require", "verify-ca", "verify-full": // the first is node-postgres's own
		return true
	}
	return false
}

// sslRequest asks a PostgreSQL server for TLS: the message's length, then the code in place of a protocol version.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

// secure starts TLS on a connection to PostgreSQL, as lib/pq would, which takes no tls.Config that is not global.
func secure(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if _, err := c.Write(sslRequest); err != nil {
		return nil, err
	}
	// One byte and no more: what follows it in clear is not the server's word.
	var answer [1]byte
	if _, err := c.Read(answer[:]); err != nil {
		return nil, err
	}
	if answer[0] != 'S' {
		return nil, errors.New("connection.ssl: the server has no TLS")
	}
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, c.SetDeadline(time.Time{})
}
