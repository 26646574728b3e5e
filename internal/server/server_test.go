package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// A fixture is a server and what it was made of.
type fixture struct {
	*Server
	log     *verifytest.Log
	waiting verifytest.Waiting
}

func newFixture(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	p := verifytest.NewParts(t)
	cfg := Config{
		Addr: "127.0.0.1:0", Verify: p.Config, Metrics: p.Registry, Log: p.Config.Log, Now: time.Now,
		Ready: func(context.Context) error { return nil },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{s, p.Log, p.Waiting}
}

func (f *fixture) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	f.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestVerify(t *testing.T) {
	f := newFixture(t, nil)
	tests := []struct {
		name   string
		r      *http.Request
		change func(*http.Request)
		want   int
	}{
		{"allow", verifytest.Request("GET", verifytest.NoopToken("200"), ""), nil, 200},
		{"allow with another 2xx", verifytest.Request("GET", verifytest.NoopToken("204"), ""), nil, 204},
		{"deny", verifytest.Request("GET", verifytest.NoopToken("403"), ""), nil, 403},
		{"any method", verifytest.Request("MKCALENDAR", verifytest.NoopToken("200"), ""), nil, 200},
		{"HEAD", verifytest.Request("HEAD", verifytest.NoopToken("401"), ""), nil, 401},
		{"no token", httptest.NewRequest("GET", "/verify", nil), func(r *http.Request) { r.Header = verifytest.Request("GET", "", "").Header }, 503},
		{"unreadable token", verifytest.Request("GET", "garbage", ""), nil, 503},
		{"token twice", verifytest.Request("GET", verifytest.NoopToken("200"), "&config_token=x"), nil, 503},
		{"names are case-sensitive", verifytest.Request("GET", "", "&Config_Token="+url.QueryEscape(verifytest.NoopToken("200"))), nil, 503},
		{"pointer by parameters", verifytest.Request("GET", "", "&config_token_store_id=main&config_token_id=open"), nil, 200},
		{"pointer by token", verifytest.Request("GET", `{"eas":{"config_token_store_id":"main","config_token_id":"open"}}`, ""), nil, 200},
		{"unknown store", verifytest.Request("GET", "", "&config_token_store_id=none&config_token_id=open"), nil, 503},
		{"unknown id", verifytest.Request("GET", "", "&config_token_store_id=main&config_token_id=none"), nil, 503},
		{"store down", verifytest.Request("GET", "", "&config_token_store_id=main&config_token_id=down"), nil, 503},
		{"queries switched off", verifytest.Request("GET", "", "&config_token_store_id=main&config_token_id_query_engine=jp&config_token_id_query=$.req"), nil, 503},
		{"unknown profile", verifytest.Request("GET", verifytest.NoopToken("200"), "&proxy=squid"), nil, 503},
		{"fallback", verifytest.Request("GET", `{"eas":{"plugins":[{"type":"noop","status_code":401},{"type":"noop","status_code":403}]}}`, "&fallback_plugin=0x0"), nil, 401},
		// ATTACKS 5: the default is not to trust everybody.
		{"untrusted peer", verifytest.Request("GET", verifytest.NoopToken("200"), ""), func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1" }, 403},
		// ATTACKS 15: oauth2-proxy let health checkers in by their name.
		{"health checker", verifytest.Request("GET", verifytest.NoopToken("401"), ""), func(r *http.Request) { r.Header.Set("User-Agent", "GoogleHC/1.0") }, 401},
		// ATTACKS 42: EAS hung.
		{"no forwarding headers", verifytest.Request("GET", verifytest.NoopToken("200"), ""), func(r *http.Request) { r.Header = http.Header{} }, 403},
		// ATTACKS 44: the body is not ours to look at.
		{"large body", verifytest.Request("POST", verifytest.NoopToken("200"), ""), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Body = io.NopCloser(strings.NewReader("{" + strings.Repeat("x", 200<<10)))
		}, 200},
		// ATTACKS 54: these parameters are the client's.
		{"parameters by header", verifytest.Request("GET", verifytest.NoopToken("401"), ""), func(r *http.Request) {
			r.Header.Set("X-Eas-Verify-Params", `{"config_token":"`+verifytest.NoopToken("200")+`"}`)
		}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.r.RemoteAddr == "192.0.2.1:1234" {
				tt.r.RemoteAddr = "127.0.0.1:40000"
			}
			if tt.change != nil {
				tt.change(tt.r)
			}
			res := f.do(tt.r)
			if res.StatusCode != tt.want {
				t.Errorf("status = %d, want %d; log:\n%s", res.StatusCode, tt.want, f.log)
			}
			// ATTACKS 50: a shared cache must not let others in.
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Eas-Decision-Id") == "" {
				t.Errorf("headers = %v, want Cache-Control: no-store and X-Eas-Decision-Id", res.Header)
			}
		})
	}
}

// A peer that is refused is logged once, with the setting that would admit it.
func TestUntrustedPeerHint(t *testing.T) {
	f := newFixture(t, nil)
	for range 3 {
		r := verifytest.Request("GET", verifytest.NoopToken("200"), "")
		r.RemoteAddr = "203.0.113.9:1"
		f.do(r)
	}
	if got := strings.Count(f.log.String(), "EAS_TRUSTED_PROXIES=203.0.113.9"); got != 1 {
		t.Errorf("the hint was logged %d times, want once:\n%s", got, f.log)
	}
}

// ATTACKS 54: of two headers one is the client's.
func TestEnvoyEndpoints(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Verify.Profile = parent.Auto })
	params := func(status string) string {
		text, _ := json.Marshal(map[string]string{"config_token": verifytest.NoopToken(status)})
		return string(text)
	}
	tests := []struct {
		name, path string
		params     []string
		want       int
	}{
		{"url", "/envoy/verify-params-url/" + url.PathEscape(params("200")) + "/p?x=1", nil, 200},
		{"url, denied", "/envoy/verify-params-url/" + url.PathEscape(params("401")) + "/p", nil, 401},
		{"ambassador", "/ambassador/verify-params-url/" + url.PathEscape(params("200")) + "/", nil, 200},
		{"no parent path", "/envoy/verify-params-url/" + url.PathEscape(params("200")), nil, 404},
		{"not JSON", "/envoy/verify-params-url/null/p", nil, 503},
		{"header", "/envoy/verify-params-header/p", []string{params("200")}, 200},
		{"header, denied", "/envoy/verify-params-header", []string{params("403")}, 403},
		{"header twice", "/envoy/verify-params-header/p", []string{params("200"), params("200")}, 503},
		{"no header", "/envoy/verify-params-header/p", nil, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://app.example.com"+tt.path, nil)
			r.RemoteAddr = "127.0.0.1:1"
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header["X-Eas-Verify-Params"] = tt.params
			if res := f.do(r); res.StatusCode != tt.want {
				t.Errorf("GET %s = %d, want %d; log:\n%s", tt.path, res.StatusCode, tt.want, f.log)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Ready = func(context.Context) error { return errors.New("store main: down") } })
	tests := []struct {
		method, path string
		want         int
	}{
		{"GET", "/ping", 200}, {"HEAD", "/ping", 200}, {"GET", "/PING", 200}, {"GET", "/ping/", 200}, {"POST", "/ping", 404},
		{"GET", "/healthz", 200}, {"GET", "/readyz", 503}, {"GET", "/", 404}, {"GET", "/nope", 404},
		{"GET", "/metrics", 404}, {"GET", "/verify/x", 404}, {"GET", "//verify", 404}, {"GET", "/%76erify", 404},
		{"GET", "/VERIFY", 403}, {"GET", "/verify/", 403},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "http://easgate"+tt.path, nil)
		r.RemoteAddr = "203.0.113.9:1"
		res := f.do(r)
		if res.StatusCode != tt.want {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, res.StatusCode, tt.want)
		}
		if body, _ := io.ReadAll(res.Body); strings.Contains(string(body), "main") {
			t.Errorf("%s %s tells a stranger %q", tt.method, tt.path, body)
		}
	}
}

// A stranger who asks /readyz in a loop must not load the databases.
func TestReadyIsRemembered(t *testing.T) {
	asked := 0
	now := time.Unix(1e9, 0)
	r := readiness{log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, ask: func(context.Context) error {
		asked++
		return errors.New("down")
	}}
	for range 10 {
		if r.check(t.Context()) == nil {
			t.Error("ready, want the error")
		}
	}
	now = now.Add(time.Second)
	_ = r.check(t.Context())
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}

// ATTACKS 43: EAS had a metric label per URL ever seen, tokens and all.
func TestMetricsHoldNoTokens(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Verify.Profile = parent.Auto })
	f.do(verifytest.Request("GET", verifytest.NoopToken("200")+" ", ""))
	f.do(verifytest.Request("GET", "s3cret-token", ""))
	r := verifytest.Request("GET", "", "")
	r.URL.Path, r.URL.RawPath = `/envoy/verify-params-url/{"config_token":"s3cret-token"}/p`, ""
	f.do(r)
	w := httptest.NewRecorder()
	f.admin.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	if !strings.Contains(body, `easgate_verifications_total{outcome="allow",plugin="noop"} 1`) {
		t.Errorf("the allow was not counted:\n%s", body)
	}
	if strings.Contains(body, "s3cret") || strings.Contains(f.log.String(), "s3cret") {
		t.Errorf("the token is in the metrics or the log")
	}
}

// A verification that takes too long is denied, and costs a timer only because it waits.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Verify.Timeout = 10 * time.Second })
		done := make(chan int)
		go func() {
			done <- f.do(verifytest.Request("GET", `{"eas":{"plugins":[{"type":"waiting"}]}}`, "")).StatusCode
		}()
		<-f.waiting.Entered
		if got := <-done; got != 503 {
			t.Errorf("status = %d, want 503", got)
		}
	})
}

// Shutting down answers what is in flight.
func TestGracefulShutdown(t *testing.T) {
	f := newFixture(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	addr := make(chan net.Addr, 1)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, func(a net.Addr) { addr <- a }) }()
	r := verifytest.Request("GET", `{"eas":{"plugins":[{"type":"waiting"}]}}`, "")
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", (<-addr).String()
	status := make(chan int, 1)
	go func() {
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		_ = res.Body.Close()
		status <- res.StatusCode
	}()
	<-f.waiting.Entered
	stop()
	f.waiting.Leave <- struct{}{}
	if got := <-status; got != 200 {
		t.Errorf("the request in flight got %d, want 200", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

// A header that could not be sent is logged once, with its name and the token's, and counted each time.
func TestUnsentHeaders(t *testing.T) {
	f := newFixture(t, nil)
	token := `{"jti":"t1","eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X-A":{"source":"req","query_engine":"jp","query":"$.cookies.a","query_opts":{"single_value":true}}}}}`
	for range 2 {
		r := verifytest.Request("GET", token, "")
		r.Header.Set("Cookie", "a=%0As3cret")
		if res := f.do(r); res.StatusCode != 200 || res.Header.Get("X-A") != "" {
			t.Errorf("status %d, X-A %q, want 200 and an empty header", res.StatusCode, res.Header.Get("X-A"))
		}
	}
	log := f.log.String()
	if strings.Count(log, "custom header could not be sent") != 1 || !strings.Contains(log, "header=X-A jti=t1") || strings.Contains(log, "s3cret") {
		t.Errorf("log:\n%s", log)
	}
	w := httptest.NewRecorder()
	f.admin.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\neasgate_headers_unsent_total 2\n") {
		t.Errorf("metrics do not count 2:\n%s", w.Body)
	}
}
