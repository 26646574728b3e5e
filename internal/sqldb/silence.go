package sqldb

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// A silentDialer is lib/pq's dialer. That driver waits for answers without regard to the context of the query, which
// with a server that froze, or whose network died, is for ever: it would try to cancel the query there.
type silentDialer struct {
	net.Dialer
	silence time.Duration
	// tls secures the connections; nil leaves it to the driver.
	tls *tls.Config
}

func (d silentDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d silentDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d silentDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	bounded := &silentConn{Conn: c, silence: d.silence}
	if d.tls == nil {
		return bounded, nil
	}
	secured, err := secure(ctx, bounded, d.tls)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return secured, nil
}

// A silentConn fails a read that waits longer than silence, unless a deadline was set.
type silentConn struct {
	net.Conn
	silence time.Duration
	bounded bool // by the driver, while it connects
}

func (c *silentConn) Read(p []byte) (int, error) {
	if !c.bounded {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

func (c *silentConn) SetDeadline(t time.Time) error {
	c.bounded = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

// SyscallConn lets the driver look whether an idle connection is still there.
func (c *silentConn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, syscall.ENOTSUP
}
