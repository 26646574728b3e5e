package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
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
	return askFor(t, c, verifytest.NoopToken("200"), "203.0.113.9")
}

// askFor asks for a token, for a client at the address that the proxy names, if it names one.
func askFor(t *testing.T, c *http.Client, token, client string) int {
	t.Helper()
	r := verifytest.Request("GET", token, "")
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
		c.Sockets = listen.Sockets{Mode: 0o600, GID: os.Getgid()}
		c.Verify.TrustSockets = true
	})
	stop := f.run(t)
	if got := ask(t, through(at("main"))); got != 200 {
		t.Errorf("verify = %d, want 200; log:\n%s", got, f.log)
	}
	// The address of who asks is the proxy's word alone.
	for client, want := range map[string]string{"203.0.113.7": "client=203.0.113.7", "": "client=unknown"} {
		if got := askFor(t, through(at("main")), verifytest.NoopToken("403"), client); got != 403 || !strings.Contains(f.log.String(), want) {
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
	if res, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), checkRequest()); err != nil || res.GetOkResponse() == nil {
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
		c.Verify.Trusted = nil
		c.Verify.TrustSockets = true
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

// checkRequest is one that is allowed.
func checkRequest() *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: map[string]string{"x-eas-verify-params": `{"config_token":` + quoted(verifytest.NoopToken("200")) + `}`},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Host: "app.example.com:443", Path: "/", Scheme: "https",
		}},
	}}
}
