package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A client that sends its headers one by one, or does not read, must not hold a connection for ever.
func TestSlowClients(t *testing.T) {
	dog, l := watchedServer(t, http.NotFoundHandler())
	dial := func(send string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, send); err != nil {
			t.Fatal(err)
		}
		return c
	}
	silent := dial("")
	slow := dial("GET /ping HTTP/1.1\r\nHost: a\r\nX-A")
	stalled := dial("POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	idle := dial("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
	buf := make([]byte, 1)
	if _, err := io.ReadFull(idle, buf); err != nil {
		t.Fatal(err)
	}
	for !dog.has(http.StateNew) || !dog.has(http.StateActive) || !dog.has(http.StateIdle) {
		runtime.Gosched()
	}
	for range int(ActiveLimit/time.Second) + 2 { // seconds, but nobody waits for them
		dog.tick()
	}
	for name, c := range map[string]net.Conn{"silent": silent, "slow": slow, "stalled": stalled} {
		if _, err := io.Copy(io.Discard, c); err != nil && !isReset(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := io.ReadFull(idle, buf); err != nil {
		t.Errorf("idle: %v, want it to be kept", err)
	}
	for range int(IdleLimit / time.Second) {
		dog.tick()
	}
	if _, err := io.Copy(io.Discard, idle); err != nil && !isReset(err) {
		t.Errorf("idle: %v", err)
	}
}

// watchedServer serves h.
func watchedServer(t *testing.T, h http.Handler) (*watchdog, net.Listener) {
	t.Helper()
	dog := newWatchdog()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Log: slog.New(slog.DiscardHandler)}
	srv := c.httpServer(h, dog, false)
	go func() { _ = srv.Serve(watchedListener{l, dog}) }()
	t.Cleanup(func() { _ = srv.Close() })
	return dog, l
}

// pair returns a watched connection and its other end.
func pair(t *testing.T) (*watched, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	c, err := watchedListener{l, newWatchdog()}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*watched), client
}

// net/http ends a read that has or has not begun, clears the deadline, and reads on.
func TestEndingReads(t *testing.T) {
	past := time.Unix(1, 0)
	for name, begun := range map[string]bool{"before it begins": false, "while it waits": true} {
		t.Run(name, func(t *testing.T) {
			w, client := pair(t)
			ended := make(chan error, 1)
			read := func() { _, err := w.Read(make([]byte, 1)); ended <- err }
			if begun {
				go read()
				for w.reading.Load() != inRead {
					runtime.Gosched()
				}
			}
			if err := w.SetReadDeadline(past); err != nil {
				t.Fatal(err)
			}
			if !begun {
				go read()
			}
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the read ended with %v, want a deadline exceeded", err)
			}
			if err := w.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("reading on = %d, %v, want 1 byte", n, err)
			}
		})
	}
	t.Run("a deadline to come", func(t *testing.T) {
		w, _ := pair(t)
		if err := w.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read = %v, want a deadline exceeded", err)
		}
	})
}

// ATTACKS 21: a client that leaves ends what runs for it.
func TestClientLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	_, l := watchedServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}))
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := get(l).Write(c); err != nil {
		t.Fatal(err)
	}
	<-entered
	_ = c.Close()
	<-left
}

func (d *watchdog) has(s http.ConnState) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.conns {
		if http.ConnState(w.state.Load()&0xff) == s {
			return true
		}
	}
	return false
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET)
}

// Another version of net/http may end reads in another way. Until somebody has read it, it cuts off slow clients itself.
func TestGoVersion(t *testing.T) {
	if v := runtime.Version(); !checked(v) {
		t.Errorf("the watchdog was not checked with %s: read what checkedWith says, then add it", v)
	}
	for version, want := range map[string]bool{"go1.26": true, "go1.26.3": true, "go1.26rc1": true, "go1.260": false, "go1.2": false, "devel": false} {
		if got := checked(version); got != want {
			t.Errorf("checked(%s) = %v, want %v", version, got, want)
		}
	}
}

func TestStandardDeadlines(t *testing.T) {
	c := Config{Log: slog.New(slog.DiscardHandler)}
	srv := c.httpServer(http.NotFoundHandler(), nil, false)
	if srv.ReadHeaderTimeout != NewLimit || srv.ReadTimeout != ActiveLimit || srv.WriteTimeout != ActiveLimit || srv.IdleTimeout != IdleLimit {
		t.Errorf("the deadlines are %v, %v, %v, %v", srv.ReadHeaderTimeout, srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout)
	}
	ctx, stop := context.WithCancel(t.Context())
	c.StandardDeadlines = true
	err := Run(ctx, c, []Site{{Addr: "127.0.0.1:0", Handler: http.NotFoundHandler()}}, func(a net.Addr) {
		if res, err := http.Get("http://" + a.String()); err != nil || res.StatusCode != 404 {
			t.Errorf("GET = %v, %v, want 404", res, err)
		}
		stop()
	})
	if err != nil {
		t.Errorf("Run = %v", err)
	}
}
