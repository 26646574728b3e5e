package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
	"github.com/easgate/easgate/stores"
)

// counting is a query language that counts what it compiles.
type counting struct{ compiled int }

func (c *counting) Compile(string) (query.Query, error) {
	c.compiled++
	return nil, errors.New("nothing is a query")
}

// ATTACKS 5, 21: a peer that is no proxy has no work done for it.
func TestUntrustedPeerCompilesNothing(t *testing.T) {
	engine := &counting{}
	f := newFixture(t, func(c *Config) { c.Verify.URLQueries = query.Engines{"jq": engine} })
	const queries = "?config_token_store_id=main&config_token_id_query_engine=jq&config_token_id_query=x"
	json := `{"config_token_store_id":"main","config_token_id_query_engine":"jq","config_token_id_query":"x"}`
	for path, proxy := range map[string]int{
		"/verify" + queries: 1,
		// The query is the client's there, whoever the peer is.
		"/envoy/verify-params-header/" + queries:                 0,
		"/envoy/verify-params-url/" + url.PathEscape(json) + "/": 1,
	} {
		for peer, want := range map[string]int{"192.0.2.1:4": 0, "127.0.0.1:4": proxy} {
			engine.compiled = 0
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr = peer
			if got := f.do(r).StatusCode; got == 200 || engine.compiled != want {
				t.Errorf("GET %s from %s = %d, %d queries compiled, want a denial and %d", path, peer, got, engine.compiled, want)
			}
		}
	}
}

// faulty is a store that panics, as a fault anywhere outside of a plugin may.
type faulty struct{ verifytest.Store }

func (faulty) Lookup(context.Context, string) (string, bool, error) { panic("secret") }

func TestPanicDenies(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Verify.Pipelines = pipeline.NewCache(pipeline.Config{
			URL: verifytest.Unsealed{}, Stored: verifytest.Unsealed{}, Store: func(string) (stores.Store, bool) { return faulty{}, true },
			Revoked: func(string) bool { return false }, Log: c.Log, Now: time.Now,
		})
	})
	pointer := `{"eas":{"config_token_store_id":"main","config_token_id":"x"}}`
	if got := f.do(verifytest.Request("GET", pointer, "")).StatusCode; got != 503 {
		t.Errorf("HTTP: status %d, want 503", got)
	}
	log := f.log.String()
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "Lookup") {
		t.Errorf("the log does not say where it was:\n%s", log)
	}
	if strings.Contains(log, "secret") {
		t.Errorf("the log shows the panic's value:\n%s", log)
	}
}

// ATTACKS 11: the path that is judged is the one that was sent, whatever else is in it.
func TestEnvoyPathAsSent(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{`/public%2Fadmin"`, `/public%2Fadmin%22`, `/%61"`, `/a%2Fb`, `/a^%2f`, `/{%7B}`, `/a|b`, `/é%2F`} {
		r := httptest.NewRequest("GET", "/envoy/verify-params-header"+path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:1", "app.example.com"
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Eas-Verify-Params", `{"proxy":"envoy","config_token":`+quoted(
			`{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X-Info":{"source":"parentRequestInfo","encoding":"uri"}}}}`)+`}`)
		info, _ := url.QueryUnescape(f.do(r).Header.Get("X-Info"))
		uri, _, _ := strings.Cut(strings.TrimPrefix(info, `{"uri":`), `,"parsedUri"`)
		if want := quoted(query.Latin1("https://app.example.com" + path)); uri != want {
			t.Errorf("%s: judged as %s, want %s", path, uri, want)
		}
	}
}

func quoted(s string) string { return query.JSON(s) }

// A client that watches the health service for ever does not keep easgate from ending.
func TestShutdownWithWatcher(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.GRPCAddr, c.Patience = addr, 50*time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- f.Run(ctx, func(net.Addr) { close(ready) }) }()
	<-ready
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run waits for the watcher")
	}
}

// guarded is open to all but at paths that match pattern, which nobody passes.
func guarded(pattern string) string {
	return `{"eas":{"plugins":[{"type":"noop","pcb":{"skip":[{"query_engine":"jp","query":"$.parentReqInfo.parsedUri.path",
		"rule":{"method":"regex","value":` + quoted(pattern) + `}}]}},{"type":"noop","status_code":403}]}}`
}

// ATTACKS 68: a path is closed however it is written.
func TestPathSpellings(t *testing.T) {
	f := newFixture(t, nil)
	for uri, want := range map[string]int{
		"/public": 200, "/a%2Fb": 200,
		"/@admin/x": 403, "/%40admin/x": 403, "/v1/things:delete": 403, "/v1/things%3Adelete": 403, "/v1/things%3adelete": 403,
		"/public/..%20/admin": 403, "/@admin./x": 403, "/@admin%20/x": 403,
	} {
		for _, profile := range []string{"nginx", "traefik", "eas"} {
			r := verifytest.Request("GET", guarded(`/^[/]@admin|:delete$/`), "&proxy="+profile)
			r.Header.Set("X-Forwarded-Uri", uri)
			if got := f.do(r).StatusCode; got != want && !(profile == "eas" && strings.Contains(uri, "..")) {
				t.Errorf("%s: GET %s = %d, want %d", profile, uri, got, want)
			}
		}
	}
}

// ATTACKS 69: "no password inside the office" believes what a trusted proxy wrote, and knows nothing without it.
func TestClientAddress(t *testing.T) {
	office := `{"query_engine":"jp","query":"$.req.clientIP","rule":{"method":"cidr","value":["192.0.2.0/24","10.0.0.0/8"],"negate":true}}`
	plugin := func(when string) string {
		return `{"eas":{"plugins":[{"type":"noop","status_code":%d,"pcb":{"` + when + `":[` + office + `]}},{"type":"noop","status_code":403}]}}`
	}
	alone := `{"eas":{"plugins":[{"type":"noop","pcb":{"skip":[` + office + `]}}]}}`
	open, stop := fmt.Sprintf(plugin("skip"), 200), strings.Replace(fmt.Sprintf(plugin("stop"), 401), `"status_code":403`, `"status_code":200`, 1)
	for _, tt := range []struct {
		name              string
		xff               []string
		skip, alone, stop int
	}{
		{"in the office", []string{"192.0.2.7"}, 200, 200, 200},
		{"outside", []string{"203.0.113.9"}, 403, 503, 401},
		{"forged by a client outside", []string{"192.0.2.7, 203.0.113.9"}, 403, 503, 401},
		{"forged in a field of its own", []string{"192.0.2.7", "203.0.113.9"}, 403, 503, 401},
		{"behind a second proxy", []string{"192.0.2.7, 127.0.0.1"}, 200, 200, 200},
		{"no header: the proxy is in no office", nil, 403, 503, 503},
		{"no address", []string{"unknown"}, 403, 503, 503},
		{"an address and something", []string{"192.0.2.7, x"}, 403, 503, 503},
	} {
		f := newFixture(t, nil)
		for token, want := range map[string]int{open: tt.skip, alone: tt.alone, stop: tt.stop} {
			r := verifytest.Request("GET", token, "")
			r.Header["X-Forwarded-For"] = tt.xff
			if got := f.do(r).StatusCode; got != want {
				t.Errorf("%s: %s = %d, want %d", tt.name, token, got, want)
			}
		}
		if unknown := tt.stop == 503; strings.Contains(f.log.String(), "address is unknown") != unknown {
			t.Errorf("%s: unknown %v, but the log says:\n%s", tt.name, unknown, f.log)
		}
	}
	// An identity header of the address; the same token in external-auth-server's format sees no clientIP.
	f := newFixture(t, nil)
	token := `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X-Client":{"source":"clientIP"},"X-Req":{"source":"req","query_engine":"jp","query":"$.clientIP"}}}}`
	r := verifytest.Request("GET", token, "")
	r.Header.Set("X-Forwarded-For", "::ffff:203.0.113.9")
	h := f.do(r).Header
	if h.Get("X-Client") != "203.0.113.9" || h.Get("X-Req") != `["203.0.113.9"]` {
		t.Errorf("headers: %v", h)
	}
	if h := f.do(verifytest.Request("GET", token, "")).Header; h["X-Client"][0] != "" {
		t.Errorf("X-Client of an unknown address: %q", h["X-Client"])
	}
}

// ATTACKS 76: requests whose end two readers would see in two places, and one that is for no path.
func TestFraming(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	newFixture(t, func(c *Config) { c.Inherited = map[string]net.Listener{MainListener: l} }).run(t)
	for _, tt := range []struct {
		name, request string
		status        int
		closed        bool
	}{
		{"both lengths", "GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, true},
		{"both lengths, to verify", "GET /verify HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 403, true},
		{"one length", "GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx", 200, false},
		{"two lengths", "GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nxxx", 400, true},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, false},
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, tt.request); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if res.StatusCode != tt.status || res.Close != tt.closed {
			t.Errorf("%s: %d, closed = %v, want %d, %v", tt.name, res.StatusCode, res.Close, tt.status, tt.closed)
		}
	}
}
