package listen

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// HTTP/2 in clear is for those who start with it, and where it is switched on; nothing is upgraded.
func TestH2C(t *testing.T) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dog, large := newWatchdog(), NewBudget()
			c := Config{Log: slog.New(slog.DiscardHandler), Large: large}
			srv := c.httpServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), dog, on)
			go func() { _ = srv.Serve(watchedListener{l, dog}) }()
			t.Cleanup(func() { _ = srv.Close() })

			ask := func(change func(*http.Request)) (*http.Response, error) {
				protocols := new(http.Protocols)
				protocols.SetUnencryptedHTTP2(true)
				r := get(l)
				change(r)
				return (&http.Transport{Protocols: protocols}).RoundTrip(r)
			}
			res, err := ask(func(*http.Request) {})
			if on && (err != nil || res.StatusCode != 200 || res.ProtoMajor != 2) || !on && err == nil {
				t.Errorf("HTTP/2: %v, %v", res, err)
			}
			marked := false
			dog.mu.Lock()
			for w := range dog.conns {
				marked = marked || w.multiplexed.Load()
			}
			dog.mu.Unlock()
			if marked != on {
				t.Errorf("the connection is known to carry several requests: %v, want %v", marked, on)
			}
			res, err = (&http.Client{}).Do(func() *http.Request {
				r := get(l)
				r.Header.Set("Connection", "Upgrade, HTTP2-Settings")
				r.Header.Set("Upgrade", "h2c")
				r.Header.Set("Http2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")
				return r
			}())
			if err != nil || res.StatusCode != 200 || res.ProtoMajor != 1 {
				t.Errorf("upgrade: %v, %v, want 200 over HTTP/1.1", res, err)
			}
			if !on {
				return
			}
			frame, err := firstFrame(t, l.Addr().String())
			settings, ok := frame.(*http2.SettingsFrame)
			if err != nil || !ok {
				t.Fatalf("the first frame is %v, %v, want settings", frame, err)
			}
			if n, ok := settings.Value(http2.SettingMaxConcurrentStreams); !ok || n != MaxStreams {
				t.Errorf("settings: %d streams, want %d", n, MaxStreams)
			}
			// A connection that is never idle is not a slow client's.
			long := strings.Repeat("x", SmallRequest)
			if !large.TryAcquire(LargeBytes) {
				t.Fatal("somebody holds large requests")
			}
			if res, err := ask(func(r *http.Request) { r.Header.Set("X-Long", long) }); err != nil || res.StatusCode != 503 {
				t.Errorf("a large request beyond the budget: %v, %v, want 503", res, err)
			}
			large.Release(LargeBytes)
			if res, err := ask(func(r *http.Request) { r.Header.Set("X-Long", long) }); err != nil || res.StatusCode != 200 {
				t.Errorf("a large request: %v, %v, want 200", res, err)
			}
		})
	}
}

func TestWatchdogAndHTTP2(t *testing.T) {
	w, client := pair(t)
	w.enter(http.StateActive)
	w.multiplexed.Store(true)
	for range int(ActiveLimit/time.Second) + 2 {
		w.dog.tick()
	}
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a busy HTTP/2 connection: %v, want it open", err)
	}
	w.enter(http.StateIdle)
	for range int(IdleLimit/time.Second) + 2 {
		w.dog.tick()
	}
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("an idle one: %v, want it closed", err)
	}
}

// get is a request to l.
func get(l net.Listener) *http.Request {
	r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
	if err != nil {
		panic(err) // the text above is wrong
	}
	return r
}

// firstFrame returns what an HTTP/2 server says first.
func firstFrame(t *testing.T, addr string) (http2.Frame, error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f.ReadFrame()
}
