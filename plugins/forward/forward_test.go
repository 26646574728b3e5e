package forward_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/plugintest"
)

// env is an environment that reaches test servers.
func env(t testing.TB) plugins.Env {
	e := plugintest.Env(t)
	transport := &http.Transport{ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	e.HTTP = &http.Client{Transport: transport}
	return e
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func build(t testing.TB, c forward.Config) plugins.Plugin {
	t.Helper()
	e := env(t)
	e.Native = true
	p, err := forward.New(c, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.(plugins.Closer).Close() })
	return p
}

func TestContract(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(forward.New),
		Config:  fmt.Appendf(nil, `{"url": %q}`, strings.Replace(s.URL, "://", "://u:t0ps3cret@", 1)),
		Env:     env,
		Allowed: plugintest.Request{Header: http.Header{"X-Key": {"right"}}},
		Secrets: []string{"t0ps3cret"},
		BadConfigs: map[string]string{
			`{}`:                                         "url: required",
			`{"url": "not a url"}`:                       "url: want",
			`{"url": "ftp://127.0.0.1/"}`:                "url: want",
			`{"url": "http:///x"}`:                       "url: want",
			`{"url": "http://u:t0ps3cret@h:x/"}`:         "url: want",
			`{"url": "//h/x"}`:                           "url: want",
			`{"url": 5}`:                                 "url: want",
			`{"url": "http://h", "timeout": -1}`:         "timeout: want",
			`{"url": "http://h", "max_body": -1}`:        "max_body: want",
			`{"url": "http://h", "max_header": -1}`:      "max_header: want",
			`{"url": "https://h", "tls": {"ca": "x"}}`:   "tls.ca: want",
			`{"url": "https://h", "tls": {"cert": "x"}}`: "tls.cert: want",
			`{"url": "https://h", "tls": {"key": 5}}`:    "tls.key: want",
		},
	})
}

type fixture struct {
	Status  int
	Headers [][2]string
	Body    string
	BodyB64 []byte `json:"body_b64"`
	Echo    bool
	Close   bool
}

func (f fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Close:
		panic(http.ErrAbortHandler)
	case f.Echo:
		headers := map[string]string{"host": "127.0.0.1:18090"}
		for name, values := range r.Header {
			headers[strings.ToLower(name)] = values[0]
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo-Method", r.Method)
		w.Header().Set("X-Echo-Url", r.RequestURI)
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "url": r.RequestURI, "headers": headers})
		return
	}
	w.Header()["Content-Type"] = nil
	for _, h := range f.Headers {
		w.Header().Add(h[0], h[1])
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write(append(f.BodyB64, f.Body...))
}

// The cases of external-auth-server's corpus, against an upstream that answers as its own did.
func TestAsEAS(t *testing.T) {
	raw, err := os.ReadFile("testdata/eas.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		Base  string
		Spec  map[string]fixture
		Cases []struct {
			ID, Note string
			Plugin   json.RawMessage
			Headers  map[string]string
			Expect   struct {
				Status    int
				Headers   map[string]string
				SetCookie []string `json:"set_cookie"`
				Body      string
			}
		}
	}
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		f, ok := corpus.Spec[r.URL.Path]
		if !ok {
			t.Errorf("no fixture for %s", r.URL.Path)
		}
		f.ServeHTTP(w, r)
	})
	for _, tt := range corpus.Cases {
		t.Run(tt.ID+" "+tt.Note, func(t *testing.T) {
			want := tt.Expect
			switch tt.ID {
			case "forward-018": // EAS follows redirects until it gives up; they are passed on here.
				want.Status, want.Headers = http.StatusFound, map[string]string{"location": "/redirloop"}
			case "forward-024": // EAS decodes any body as UTF-8.
				want.Body = "\x00\xff\xfe\x01\x02\x03"
			}
			config := strings.NewReplacer(corpus.Base, s.URL, strings.TrimPrefix(corpus.Base, "http://"), strings.TrimPrefix(s.URL, "http://")).Replace(string(tt.Plugin))
			p, _, err := plugins.Of(forward.New).Build([]byte(config), env(t))
			if err != nil {
				if want.Status != http.StatusServiceUnavailable {
					t.Errorf("Build = %v", err)
				}
				return
			}
			in := plugintest.Request{URL: "https://app.example.com/a/b?x=1&y=two", Header: http.Header{}}
			for name, value := range tt.Headers {
				in.Header.Set(name, value)
			}
			res, err := p.Verify(t.Context(), in.Build())
			if err != nil {
				t.Fatalf("Verify = %v", err)
			}
			if got := res.StatusCode(); got != want.Status || (res.Verdict == plugins.Allow) != (got <= 299) {
				t.Errorf("Verify = %v %d, want %d", res.Verdict, got, want.Status)
			}
			for name, value := range want.Headers {
				// The server adds the charset, to plugins' answers and to its own.
				value = strings.TrimSuffix(value, "; charset=utf-8")
				if got := strings.TrimSuffix(res.Header.Get(name), "; charset=utf-8"); got != value {
					t.Errorf("%s = %q, want %q", name, got, value)
				}
			}
			if got := res.Header.Values("Set-Cookie"); !slices.Equal(got, want.SetCookie) {
				t.Errorf("Set-Cookie = %q, want %q", got, want.SetCookie)
			}
			if got := strings.TrimSpace(string(res.Body)); got != want.Body && !sameJSON(got, want.Body) {
				t.Errorf("body = %q, want %q", got, want.Body)
			}
		})
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// EAS follows redirects, so that the login page's 200 lets everybody pass.
func TestRedirectsArePassedOn(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				t.Error("the redirect was followed")
				return
			}
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
		})
		p := build(t, forward.Config{URL: plugins.Secret(s.URL)})
		res, err := p.Verify(t.Context(), plugintest.Request{}.Build())
		if err != nil || res.Verdict != plugins.Deny || res.StatusCode() != status || res.Header.Get("Location") != "/login" {
			t.Errorf("Verify = %v %d %v, %v, want deny %d with its Location", res.Verdict, res.StatusCode(), res.Header, err, status)
		}
	}
}

func TestRequestHeader(t *testing.T) {
	var got http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	p := build(t, forward.Config{URL: plugins.Secret(s.URL)})
	in := plugintest.Request{Method: "POST", URL: "https://app.example.com/admin?x=1", Header: http.Header{
		"Cookie": {"a=1"}, "X-Custom": {"1", "2"},
		// A client who nominates a field must not hide it from the service.
		"Connection": {"X-Custom, close"}, "Upgrade": {"websocket"}, "Te": {"trailers"}, "Transfer-Encoding": {"chunked"},
		"Expect": {"100-continue"},
		// What speaks of the application's content would make a 304, 412, 416 or 415 of the service's allow.
		"Content-Length": {"5"}, "Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "Content-Digest": {"x"},
		"Range": {"bytes=0-1"}, "If-Range": {"x"}, "If-Match": {"x"}, "If-None-Match": {"*"}, "If": {"(<x>)"},
		"If-Modified-Since": {"Sun, 22 Nov 2026 12:00:00 GMT"}, "If-Unmodified-Since": {"Sun, 22 Nov 2026 12:00:00 GMT"},
		// The family that the profile does not read is the client's to forge.
		"X-Forwarded-Uri": {"/public"}, "X-Forwarded-Method": {"GET"}, "X-Forwarded-Host": {"public.example.com"}, "X-Forwarded-Proto": {"http"},
		"X-Original-Url": {"https://public.example.com/public"}, "X-Original-Method": {"GET"},
		"X-Eas-Verify-Params": {"{}"}, "X-Eas-Request-Uri": {"/public"}, "X-Replaced-Path": {"/public"}, "X-Forwarded-Prefix": {"/public"},
		"Forwarded": {"host=public.example.com"},
		// To services that read headers from variables (CGI, WSGI) these are the same (ATTACKS 6).
		"X_forwarded_uri": {"/public"}, "X-Forwarded_host": {"public.example.com"}, "X_original_url": {"https://public.example.com/public"},
		"X_replaced_path": {"/public"}, "X_forwarded_for": {"10.0.0.1"}, "If_none_match": {"*"}, "X_own": {"1"},
		// Envoy's pseudo fields, and values that would fail the request.
		":path": {"/public"}, "X-Newline": {"a\nb"}, "X-Nul": {"a\x00"}, "X Space": {"a"},
	}}
	if res, err := p.Verify(t.Context(), in.Build()); err != nil || res.Verdict != plugins.Allow {
		t.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
	}
	want := http.Header{
		"Cookie": {"a=1"}, "X-Custom": {"1", "2"}, "X_own": {"1"}, "Accept-Encoding": {"gzip, deflate"},
		"X-Forwarded-Uri": {"/admin?x=1"}, "X-Forwarded-Method": {"POST"}, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Proto": {"https"},
		"X-Original-Url": {"https://app.example.com/admin?x=1"}, "X-Original-Method": {"POST"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the service was sent\n%v\nwant\n%v", got, want)
	}
}

// ATTACKS 11: the service judges the path that the client sent, in its spelling.
func TestPathAsSent(t *testing.T) {
	var got http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	p := build(t, forward.Config{URL: plugins.Secret(s.URL)})
	for _, uri := range []string{`/public%2Fadmin"`, `/public%2Fadmin"?a=%2F`, "/a%2Fb", "/a?", "/a?b", "/%61^"} {
		in := plugintest.Request{URL: "https://app.example.com" + uri, Header: http.Header{"X-Original-Url": {"x"}}}
		if _, err := p.Verify(t.Context(), in.Build()); err != nil {
			t.Fatal(err)
		}
		if got.Get("X-Forwarded-Uri") != uri || got.Get("X-Original-Url") != "https://app.example.com"+uri {
			t.Errorf("%s: the service was asked about %s and %s", uri, got.Get("X-Forwarded-Uri"), got.Get("X-Original-Url"))
		}
	}
}

func TestCredentialsInTheURL(t *testing.T) {
	var got string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") })
	p := build(t, forward.Config{URL: plugins.Secret(strings.Replace(s.URL, "://", "://u:p@", 1))})
	for sent, want := range map[string]string{"": "Basic dTpw", "Bearer x": "Bearer x"} {
		h := http.Header{}
		if sent != "" {
			h.Set("Authorization", sent)
		}
		if _, err := p.Verify(t.Context(), plugintest.Request{Header: h}.Build()); err != nil || got != want {
			t.Errorf("the service was sent %q for %q, %v, want %q", got, sent, err, want)
		}
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for _, tt := range []struct {
		name   string
		config forward.Config
		want   bool
	}{
		{"unknown authority", forward.Config{}, false},
		{"its authority", forward.Config{TLS: plugins.TLS{CA: plugins.List{ca}}}, true},
		{"another name", forward.Config{TLS: plugins.TLS{CA: plugins.List{ca}, ServerName: "other.test"}}, false},
		{"its other name", forward.Config{TLS: plugins.TLS{CA: plugins.List{ca}, ServerName: "example.com"}}, true},
		{"its public key", forward.Config{TLS: plugins.TLS{Fingerprint: plugins.List{tlsclient.Fingerprint(s.Certificate())}}}, true},
		{"another public key", forward.Config{TLS: plugins.TLS{Fingerprint: plugins.List{strings.Repeat("ab", 32)}}}, false},
		{"any certificate", forward.Config{AllowInsecure: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.URL = plugins.Secret(s.URL)
			res, err := build(t, tt.config).Verify(t.Context(), plugintest.Request{}.Build())
			if got := res.Verdict == plugins.Allow && err == nil; got != tt.want {
				t.Errorf("Verify = %v, %v, want allowed = %v", res.Verdict, err, tt.want)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	done := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Slow") == "body" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		<-done
	})
	t.Cleanup(func() { close(done) })
	for _, slow := range []string{"header", "body"} {
		p := build(t, forward.Config{URL: plugins.Secret(s.URL), Timeout: 0.05})
		res, err := p.Verify(t.Context(), plugintest.Request{Header: http.Header{"X-Slow": {slow}}}.Build())
		if !errors.Is(err, context.DeadlineExceeded) || res.Verdict == plugins.Allow {
			t.Errorf("Verify(slow %s) = %v, %v, want a deadline", slow, res.Verdict, err)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	p := build(t, forward.Config{URL: plugins.Secret(s.URL)})
	for range 10 {
		if res, err := p.Verify(t.Context(), plugintest.Request{}.Build()); err != nil || res.Verdict != plugins.Allow {
			t.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
		}
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("10 requests made %d connections, want 1", got)
	}
}

func TestLint(t *testing.T) {
	for name, tt := range map[string]struct {
		config forward.Config
		want   string
	}{
		"safe":          {forward.Config{URL: "https://auth.example.com"}, ""},
		"in clear":      {forward.Config{URL: "http://auth.example.com"}, "url: http sends"},
		"any server":    {forward.Config{URL: "https://auth.example.com", AllowInsecure: true}, "allow_insecure: any server"},
		"on this host":  {forward.Config{URL: "http://127.0.0.1:9000"}, ""},
		"a pinned host": {forward.Config{URL: "https://auth.example.com", TLS: plugins.TLS{Fingerprint: plugins.List{"x"}}}, ""},
	} {
		var said []string
		tt.config.Lint(false, func(text string) { said = append(said, text) })
		if got := strings.Join(said, "\n"); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: lint says %q, want %q", name, got, tt.want)
		}
	}
}
