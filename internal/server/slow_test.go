package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"
)

// A client that sends its headers one by one, or does not read, must not hold a connection for ever.
func TestSlowClients(t *testing.T) {
	f := newFixture(t, nil)
	dog := newWatchdog()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := f.httpServer(f.Handler(), dog)
	go func() { _ = srv.Serve(watchedListener{l, dog}) }()
	t.Cleanup(func() { _ = srv.Close() })
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
	for range activeLimit + 2 { // seconds, but nobody waits for them
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
	for range idleLimit {
		dog.tick()
	}
	if _, err := io.Copy(io.Discard, idle); err != nil && !isReset(err) {
		t.Errorf("idle: %v", err)
	}
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
