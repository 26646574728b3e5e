package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/tlsclient"
)

// A server is one place where the directory is.
type server struct {
	// url is for errors.
	url, address string
	// tls is nil for ldap:// without StartTLS.
	tls      *tls.Config
	startTLS bool
}

func parseServer(text string, startTLS bool, base *tls.Config) (*server, error) {
	u, err := url.Parse(text)
	// url.Parse's errors quote the URL, and with it a password.
	if err != nil || (u.Scheme != "ldap" && u.Scheme != "ldaps") || u.Hostname() == "" {
		return nil, errors.New("want ldap://host:port or ldaps://host:port")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("want nothing but a host and a port; who searches, and where, are options of their own")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	s := &server{url: u.Scheme + "://" + u.Host, address: net.JoinHostPort(u.Hostname(), port), startTLS: startTLS &&
		u.Scheme == "ldap"}
	if s.startTLS || u.Scheme == "ldaps" {
		s.tls = base
		if base.ServerName == "" {
			s.tls = base.Clone()
			s.tls.ServerName = u.Hostname()
		}
	}
	return s, nil
}

// A directory is the servers that hold the same data.
type directory struct {
	servers []*server
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	// preferred is the index of the server to ask first: the one that answered last.
	preferred atomic.Int32
	timeouts
}

// fairChance is how long a server may be kept waiting for before its silence counts against it: what little time a
// request has left, because its client sent many or went away, says nothing about the server.
const fairChance = time.Second

// connect opens a connection to the first server that takes one, beginning with the first-th, and binds as who.
// A server that refuses the bind has spoken for all.
func (d *directory) connect(ctx context.Context, who binding, first int) (*conn, error) {
	var errs []error
	fair := true
	for i := range d.servers {
		n := (first + i) % len(d.servers)
		given := d.share(ctx, len(d.servers)-i)
		c, err := d.connectTo(ctx, d.servers[n], given, who)
		if err == nil {
			c.server = n
			if fair {
				d.preferred.CompareAndSwap(int32(first), int32(n)) // indexes into a list of URLs
			}
			return c, nil
		}
		fair = fair && (given >= min(d.timeouts.connect, fairChance) || !errors.Is(err, context.DeadlineExceeded))
		errs = append(errs, fmt.Errorf("%s: %w", d.servers[n].url, err))
		if ctx.Err() != nil || !unreachable(err) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// share is how long the next of left servers may take to connect, so that those after it have their turn.
func (d *directory) share(ctx context.Context, left int) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(d.timeouts.connect, time.Until(deadline)/time.Duration(left))
	}
	return d.timeouts.connect
}

// avoid makes another server than the n-th the preferred one.
func (d *directory) avoid(n int) {
	next := (n + 1) % len(d.servers)
	d.preferred.CompareAndSwap(int32(n), int32(next)) // indexes into a list of URLs
}

// A binding is a name and its password; the zero value is nobody, and binds not at all.
type binding struct{ dn, password string }

// connectTo opens a connection to s within timeout, secures it and binds as who. Where TLS is asked for, nothing but
// the request for it is sent without.
func (d *directory) connectTo(ctx context.Context, s *server, timeout time.Duration, who binding) (_ *conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := d.dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: &boundedConn{Conn: raw}}
	c.raw.left.Store(maxAnswer)
	defer func() {
		if err != nil {
			c.cut()
		}
	}()
	if s.tls != nil && !s.startTLS {
		secured := tls.Client(c.raw, s.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, tlsclient.Explain(err)
		}
		c.Conn = ldap.NewConn(secured, true)
	} else {
		c.Conn = ldap.NewConn(c.raw, false)
	}
	c.Start()
	if s.startTLS {
		if err := c.run(ctx, d.op, func(l *ldap.Conn) error { return l.StartTLS(s.tls) }); err != nil {
			return nil, fmt.Errorf("StartTLS: %w", brokenBy(tlsclient.Explain(err)))
		}
		if _, ok := c.TLSConnectionState(); !ok {
			return nil, brokenBy(errors.New("StartTLS: no TLS"))
		}
	}
	if who != (binding{}) {
		if err := c.run(ctx, d.op, func(l *ldap.Conn) error { return l.Bind(who.dn, who.password) }); err != nil {
			return nil, fmt.Errorf("bindDN: %w", err)
		}
	}
	return c, nil
}

// brokenError is an answer that makes the connection unusable.
type brokenError struct{ error }

func brokenBy(err error) error      { return brokenError{err} }
func (e brokenError) Unwrap() error { return nil }

// resultCode is the code of a server's answer (RFC 4511 §4.1.9), or false when err is no such answer.
func resultCode(err error) (uint16, bool) {
	var e *ldap.Error
	if !errors.As(err, &e) || e.ResultCode >= ldap.ErrorNetwork {
		return 0, false
	}
	return e.ResultCode, true
}

// unreachable reports whether err says nothing about the request, only about the server or the way to it.
func unreachable(err error) bool {
	if err == nil {
		return false
	}
	code, ok := resultCode(err)
	return !ok || code == ldap.LDAPResultBusy || code == ldap.LDAPResultUnavailable
}
