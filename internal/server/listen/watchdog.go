package listen

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// checkedWith are the versions of Go with whose net/http the watchdog was read and tested: [watched] leans on how
// net/http ends a read that waits. For another one, read conn.serve, connReader and its deadlines in
// net/http/server.go.
var checkedWith = []string{"go1.26"}

// checked reports whether the watchdog knows a version of Go, such as "go1.26.1".
func checked(version string) bool {
	return slices.ContainsFunc(checkedWith, func(v string) bool {
		rest, ok := strings.CutPrefix(version, v)
		return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
	})
}

// A watchdog cuts off slow clients. http.Server's own timeouts set several deadlines for every request; here a request
// costs two stores, and once a second somebody looks.
type watchdog struct {
	mu    sync.Mutex
	conns map[*watched]struct{}
	// ticks counts seconds.
	ticks atomic.Int64
}

// watched is a connection with the state that it is in and the tick that the state began at, in one word.
//
// It also saves its server six calls into the runtime's poller for each request: http.Server clears deadlines that
// were never set, and sets one in the past to end the read with which it waits, while a handler runs, for the client
// to leave. That read has rarely begun by then.
type watched struct {
	net.Conn
	dog   *watchdog
	state atomic.Int64 // tick<<8 | http.ConnState
	// reading is one of the constants below; readArmed and writeArmed say that the connection itself has a deadline.
	reading               atomic.Int32
	readArmed, writeArmed atomic.Bool
	// multiplexed says that requests follow each other without the connection ever being idle (HTTP/2).
	multiplexed atomic.Bool
}

const (
	notReading = iota
	inRead
	readEnded // the next read ends before it begins
)

// Read implements [net.Conn]. One goroutine reads at a time.
func (w *watched) Read(p []byte) (int, error) {
	if !w.reading.CompareAndSwap(notReading, inRead) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := w.Conn.Read(p)
	w.reading.CompareAndSwap(inRead, notReading)
	return n, err
}

// SetReadDeadline implements [net.Conn].
func (w *watched) SetReadDeadline(t time.Time) error {
	switch {
	case t.IsZero():
		w.reading.CompareAndSwap(readEnded, notReading)
		if !w.readArmed.Swap(false) {
			return nil
		}
	case t.Unix() <= 1: // how net/http writes "now"
		if w.reading.CompareAndSwap(notReading, readEnded) {
			return nil
		}
		w.readArmed.Store(true)
	default:
		w.readArmed.Store(true)
	}
	return w.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements [net.Conn].
func (w *watched) SetWriteDeadline(t time.Time) error {
	if !w.writeArmed.Swap(!t.IsZero()) && t.IsZero() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// SetDeadline implements [net.Conn].
func (w *watched) SetDeadline(t time.Time) error {
	if err := w.SetReadDeadline(t); err != nil {
		return err
	}
	return w.SetWriteDeadline(t)
}

func newWatchdog() *watchdog { return &watchdog{conns: map[*watched]struct{}{}} }

// watchedListener accepts connections for a watchdog.
type watchedListener struct {
	net.Listener
	dog *watchdog
}

// Accept implements [net.Listener].
func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &watched{Conn: c, dog: l.dog}
	w.enter(http.StateNew)
	l.dog.mu.Lock()
	l.dog.conns[w] = struct{}{}
	l.dog.mu.Unlock()
	return w, nil
}

// Close implements [net.Conn].
func (w *watched) Close() error {
	w.dog.mu.Lock()
	delete(w.dog.conns, w)
	w.dog.mu.Unlock()
	return w.Conn.Close()
}

func (w *watched) enter(s http.ConnState) { w.state.Store(w.dog.ticks.Load()<<8 | int64(s)) }

// stateLent is that of a connection whose request has limits of its own.
const stateLent http.ConnState = 0x7f

// Lend takes the time limits off the connection that ctx's request came over, until the request has been answered:
// whoever passes it on, or answers for hours, sets others.
func Lend(ctx context.Context) {
	if w, ok := ctx.Value(watchedKey{}).(*watched); ok {
		w.enter(stateLent)
	}
}

// connState is an http.Server's ConnState hook.
func (d *watchdog) connState(c net.Conn, s http.ConnState) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if w, ok := c.(*watched); ok {
		w.enter(s)
	}
}

// run looks once a second until ctx ends.
func (d *watchdog) run(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			d.tick()
		}
	}
}

func (d *watchdog) tick() {
	now := d.ticks.Add(1)
	var slow []*watched
	d.mu.Lock()
	for w := range d.conns {
		state := w.state.Load()
		limit := ActiveLimit
		switch http.ConnState(state & 0xff) {
		case http.StateNew:
			limit = NewLimit
		case http.StateIdle:
			limit = IdleLimit
		case stateLent, http.StateHijacked: // these are somebody else's
			continue
		case http.StateActive:
			if w.multiplexed.Load() {
				continue // net/http sees to it that the other side reads
			}
		}
		if time.Duration(now-state>>8)*time.Second > limit {
			slow = append(slow, w)
		}
	}
	d.mu.Unlock()
	for _, w := range slow {
		_ = w.Close()
	}
}
