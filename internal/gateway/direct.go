package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"syscall"
	"time"
)

// direct is a RoundTripper for what most requests are: GET and HEAD without a body, to an upstream without TLS. It
// writes the request and reads the answer in the goroutine that asks, which costs a fifth less than http.Transport,
// whose connections have two goroutines of their own. Everything else is http.Transport's.
type direct struct {
	other *http.Transport
	idle  time.Duration
	most  int

	mu   sync.Mutex
	free []*conn // the one that was used last comes last
}

func newDirect(cfg *Config, other *http.Transport) *direct {
	return &direct{other: other, idle: cfg.IdleTimeout, most: cfg.Connections}
}

// conn is a connection to the upstream that speaks HTTP/1.1.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
	// budget is how many bytes may still come before the answer's header ends; negative is any number.
	budget int
	// got says that a byte of the answer came.
	got  bool
	used bool
	last time.Time
}

var errHeader = errors.New("the upstream's header is too long")

// Read implements [net.Conn], within the budget.
func (c *conn) Read(p []byte) (int, error) {
	if c.budget == 0 {
		return 0, errHeader
	}
	if c.budget > 0 && len(p) > c.budget {
		p = p[:c.budget]
	}
	n, err := c.Conn.Read(p)
	if c.budget > 0 {
		c.budget -= n
	}
	c.got = c.got || n > 0
	return n, err
}

// quiet reports whether the upstream has neither closed an idle connection nor sent anything over it: what it sent
// would be taken for the answer to somebody else's request.
func (c *conn) quiet() bool {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var one [1]byte
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		_, readErr = syscall.Read(int(fd), one[:])
		return true
	})
	return err == nil && errors.Is(readErr, syscall.EAGAIN)
}

// RoundTrip implements [http.RoundTripper].
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil || r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Scheme != "http" ||
		r.Header["Upgrade"] != nil {
		return d.other.RoundTrip(r)
	}
	for {
		c, err := d.take(r.Context(), r.URL.Host)
		if err != nil {
			return nil, err
		}
		res, err := d.ask(c, r)
		if err == nil {
			return res, nil
		}
		_ = c.Close()
		// The upstream closed a connection that was idle, as it may at any time: another one is asked, for a GET changes
		// nothing.
		if !c.used || c.got || r.Context().Err() != nil {
			return nil, err
		}
	}
}

// take returns an idle connection, or a new one.
func (d *direct) take(ctx context.Context, address string) (*conn, error) {
	now := time.Now()
	d.mu.Lock()
	for n := len(d.free); n > 0; n = len(d.free) {
		c := d.free[n-1]
		d.free = d.free[:n-1]
		d.mu.Unlock()
		if now.Sub(c.last) < d.idle && c.quiet() {
			c.used = true
			return c, nil
		}
		_ = c.Close()
		d.mu.Lock()
	}
	d.mu.Unlock()
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, "80")
	}
	raw, err := d.other.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw}
	c.r, c.w = bufio.NewReader(c), bufio.NewWriter(raw)
	return c, nil
}

// give keeps c for the next request.
func (d *direct) give(c *conn) {
	c.last = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) >= d.most {
		_ = c.Close()
		return
	}
	d.free = append(d.free, c)
	// The oldest go first, one at a time: nobody waits for a sweep.
	if oldest := d.free[0]; c.last.Sub(oldest.last) >= d.idle {
		_ = oldest.Close()
		d.free = d.free[1:]
	}
}

// CloseIdleConnections closes those that nobody uses.
func (d *direct) CloseIdleConnections() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.free {
		_ = c.Close()
	}
	d.free = nil
	d.other.CloseIdleConnections()
}

// ask sends r over c and reads the header of the answer.
func (d *direct) ask(c *conn, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c.budget, c.got = int(d.other.MaxResponseHeaderBytes), false
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	if err := send(c, r); err != nil {
		stop()
		return nil, err
	}
	for {
		res, err := http.ReadResponse(c.r, r)
		switch {
		case err != nil:
			stop()
			if errors.Is(err, io.ErrUnexpectedEOF) && !c.got {
				err = io.EOF
			}
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			stop()
			return nil, errors.New("the upstream switches protocols, which nobody asked for")
		case res.StatusCode < 200:
			if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.Got1xxResponse != nil {
				if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
					stop()
					return nil, err
				}
			}
			continue
		}
		c.budget = -1
		res.Body = &answer{ReadCloser: res.Body, conn: c, from: d, stop: stop, last: res.Close, done: res.Body == http.NoBody}
		return res, nil
	}
}

// send writes the line and the headers of r, which has no body. net/http has checked all of them when it read them, and
// rewrite set the others.
func send(c *conn, r *http.Request) error {
	w := c.w
	_, _ = w.WriteString(r.Method)
	_ = w.WriteByte(' ')
	_, _ = w.WriteString(r.URL.RequestURI())
	_, _ = w.WriteString(" HTTP/1.1\r\nHost: ")
	_, _ = w.WriteString(r.Host)
	_, _ = w.WriteString("\r\n")
	without := unsent
	if r.Header.Get("User-Agent") == "" {
		without = unsentOrEmpty // how ReverseProxy says that there is none
	}
	if err := r.Header.WriteSubset(w, without); err != nil {
		return err
	}
	_, _ = w.WriteString("\r\n")
	return w.Flush()
}

// unsent are headers that say what this connection and a missing body say already.
var (
	unsent        = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true}
	unsentOrEmpty = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true,
		"User-Agent": true}
)

// answer is the body of an answer. Read to its end, it leaves a connection to use again.
type answer struct {
	io.ReadCloser
	conn *conn
	from *direct
	stop func() bool
	// last says that the connection ends with this answer, done that all of it was read.
	last, done bool
	closed     bool
}

// Read implements [io.Reader].
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.done = a.done || errors.Is(err, io.EOF)
	return n, err
}

// Close implements [io.Closer].
func (a *answer) Close() error {
	if a.closed {
		return nil
	}
	a.closed = true
	// A stop that comes too late may set the deadline at any time. What comes unasked would be the next request's answer.
	if !a.stop() || a.last || !a.done || a.conn.r.Buffered() > 0 {
		return a.conn.Close()
	}
	a.from.give(a.conn)
	return nil
}
