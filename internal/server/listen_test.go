package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// run runs the fixture until the test ends. stop ends it earlier.
func (f *fixture) run(t *testing.T) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- f.Run(ctx, func(net.Addr) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = func() error { cancel(); err := <-ended; ended <- nil; return err }
	t.Cleanup(func() { _ = stop() })
	return stop
}

// through returns a client whose connections all go to the socket.
func through(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// ask asks what Traefik asks, and returns the status.
func ask(t *testing.T, c *http.Client) int {
	t.Helper()
	return askFor(t, c, noopToken("200"), "203.0.113.9")
}

// askFor asks for a token, for a client at the address that the proxy names, if it names one.
func askFor(t *testing.T, c *http.Client, token, client string) int {
	t.Helper()
	r := request("GET", token, "")
	if client != "" {
		r.Header.Set("X-Forwarded-For", client)
	}
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "easgate"
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestSockets(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	f := newFixture(t, func(c *Config) {
		c.Addr, c.AdminAddr, c.GRPCAddr = "unix:"+at("main"), "unix:"+at("admin"), "unix:"+at("grpc")
		c.Sockets = Sockets{Mode: 0o600, GID: os.Getgid(), Trust: true}
	})
	stop := f.run(t)
	if got := ask(t, through(at("main"))); got != 200 {
		t.Errorf("verify = %d, want 200; log:\n%s", got, f.log)
	}
	// The address of who asks is the proxy's word alone.
	for client, want := range map[string]string{"203.0.113.7": "client=203.0.113.7", "": "client=unknown"} {
		if got := askFor(t, through(at("main")), noopToken("403"), client); got != 403 || !strings.Contains(f.log.String(), want) {
			t.Errorf("a denial = %d, want 403 and %s in the log:\n%s", got, want, f.log)
		}
	}
	if res, err := through(at("admin")).Get("http://easgate/metrics"); err != nil || res.StatusCode != 200 {
		t.Errorf("metrics: %v, %v, want 200", res, err)
	}
	conn, err := grpc.NewClient("unix:"+at("grpc"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if res, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), checkRequest(noopToken("200"))); err != nil || res.GetOkResponse() == nil {
		t.Errorf("gRPC: %v, %v, want an allow", res, err)
	}
	for _, name := range []string{"main", "admin", "grpc"} {
		if info, err := os.Lstat(at(name)); err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Whoever can open a socket is believed only if the operator says so.
func TestSocketsUntrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f := newFixture(t, func(c *Config) { c.Addr, c.GRPCAddr, c.Sockets.GID = "unix:"+path, "unix:"+path+"g", -1 })
	f.run(t)
	if got := ask(t, through(path)); got != 403 {
		t.Errorf("verify = %d, want 403", got)
	}
	c, err := net.Dial("unix", path+"g")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if n, _ := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("gRPC answers %d bytes, want none", n)
	}
	if strings.Contains(f.log.String(), "203.0.113.9") {
		t.Errorf("the log names a client in the words of nobody:\n%s", f.log)
	}
	if !strings.Contains(f.log.String(), "EAS_TRUST_SOCKETS=true") {
		t.Errorf("the log does not name the setting:\n%s", f.log)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v, want 0660", info.Mode(), err)
	}
}

func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	how := Sockets{GID: -1}
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if _, err := listenUnix(stale, how); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that somebody answers on: %v, want it in use", err)
	}
	_ = l.Close()
	first, err := listenUnix(stale, how)
	if err != nil {
		t.Fatalf("a stale socket: %v, want it replaced", err)
	}
	// Somebody who removes the file and starts anew keeps the new socket when the old one ends.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	second, err := listenUnix(stale, how)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	if _, err := os.Lstat(stale); err != nil {
		t.Errorf("the successor's socket: %v", err)
	}
	_ = second.Close()

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, "@abstract", "\x00abstract", "relative", filepath.Join(dir, "no", "folder"), "/" + strings.Repeat("x", 200)} {
		if l, err := listenUnix(path, how); err == nil {
			_ = l.Close()
			t.Errorf("listenUnix(%q) listens, want an error", path)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "x" {
		t.Errorf("the file in the way: %q, %v, want it kept", text, err)
	}
}

// A listener that was handed over keeps the rules of its kind.
func TestInherited(t *testing.T) {
	main, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	verify, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) {
		c.Addr = "127.0.0.1:1" // nobody may bind it, and nobody tries
		c.Inherited = map[string]net.Listener{MainListener: main, VerifyListener: verify}
		c.Trusted = nil
		c.Sockets.Trust = true
	})
	f.run(t)
	for l, want := range map[net.Listener]int{main: 404, verify: 403} {
		c := &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
			}}}
		if got := ask(t, c); got != want {
			t.Errorf("verify at %v = %d, want %d", l.Addr(), got, want)
		}
	}
}

// HTTP/2 in clear is for those who start with it, and where it is switched on; nothing is upgraded.
func TestH2C(t *testing.T) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dog := newWatchdog()
			srv := f.httpServer(f.Handler(), dog, on)
			go func() { _ = srv.Serve(watchedListener{l, dog}) }()
			t.Cleanup(func() { _ = srv.Close() })

			get := func(change func(*http.Request)) (*http.Response, error) {
				protocols := new(http.Protocols)
				protocols.SetUnencryptedHTTP2(true)
				r := request("GET", noopToken("200"), "")
				r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", l.Addr().String()
				change(r)
				return (&http.Transport{Protocols: protocols}).RoundTrip(r)
			}
			res, err := get(func(*http.Request) {})
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
				r := request("GET", noopToken("200"), "")
				r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", l.Addr().String()
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
			frame, err := dialRaw(t, l.Addr().String()).ReadFrame()
			settings, ok := frame.(*http2.SettingsFrame)
			if err != nil || !ok {
				t.Fatalf("the first frame is %v, %v, want settings", frame, err)
			}
			if n, ok := settings.Value(http2.SettingMaxConcurrentStreams); !ok || n != maxStreams {
				t.Errorf("settings: %d streams, want %d", n, maxStreams)
			}
			// A connection that is never idle is not a slow client's.
			long := strings.Repeat("x", smallCheck)
			if !f.large.TryAcquire(largeBytes) {
				t.Fatal("somebody holds large requests")
			}
			if res, err := get(func(r *http.Request) { r.Header.Set("X-Long", long) }); err != nil || res.StatusCode != 503 {
				t.Errorf("a large request beyond the budget: %v, %v, want 503", res, err)
			}
			f.large.Release(largeBytes)
			if res, err := get(func(r *http.Request) { r.Header.Set("X-Long", long) }); err != nil || res.StatusCode != 200 {
				t.Errorf("a large request: %v, %v, want 200", res, err)
			}
		})
	}
}

func TestWatchdogAndHTTP2(t *testing.T) {
	w, client := pair(t)
	w.enter(http.StateActive)
	w.multiplexed.Store(true)
	for range activeLimit + 2 {
		w.dog.tick()
	}
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a busy HTTP/2 connection: %v, want it open", err)
	}
	w.enter(http.StateIdle)
	for range idleLimit + 2 {
		w.dog.tick()
	}
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("an idle one: %v, want it closed", err)
	}
}
