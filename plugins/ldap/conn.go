package ldap

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// maxAnswer is how many bytes one answer may have, before TLS is taken off.
const maxAnswer = 16 << 20

// A conn is a connection to one server. It is used by one request at a time: whom it is bound as is its state.
type conn struct {
	*ldap.Conn
	raw *boundedConn
	// server is its index in the directory.
	server int
	// dead says that it was cut.
	dead bool
	// unused is since when it is idle.
	unused time.Time
}

// run runs one operation, which ends with ctx or after timeout: then the connection is cut, and dead.
func (c *conn) run(ctx context.Context, timeout time.Duration, operation func(*ldap.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	c.raw.left.Store(maxAnswer)
	err := operation(c.Conn)
	if !stop() {
		c.dead = true
		if err != nil {
			return ctx.Err()
		}
	}
	return err
}

// usable reports whether another operation may be tried, as far as is known on this side.
func (c *conn) usable() bool { return !c.dead && !c.IsClosing() }

// cut closes the connection without a word.
func (c *conn) cut() {
	_ = c.raw.Close()
	if c.Conn != nil {
		_ = c.Close()
	}
}

// quit says goodbye and closes the connection, within a second.
func (c *conn) quit() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.Unbind()
	c.cut()
}

// A boundedConn reads no more than is left. An LDAP message says itself how long it is, up to 2 GB.
type boundedConn struct {
	net.Conn
	left atomic.Int64
}

var errTooLong = errors.New("answer: longer than 16 MiB")

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.left.Load() <= 0 {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(b)
	c.left.Add(-int64(n))
	return n, err
}
