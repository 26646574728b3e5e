package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/gateway"
)

// front serves a route to upstream, as changed, with the passage that every request gets.
func front(t *testing.T, upstream string, p gateway.Passage, change func(*gateway.Config)) *httptest.Server {
	t.Helper()
	return serve(t, newRoute(t, upstream, change), p)
}

func newRoute(t *testing.T, upstream string, change func(*gateway.Config)) *gateway.Route {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{Upstream: u}
	if change != nil {
		change(&cfg)
	}
	route, err := gateway.New(cfg, gateway.Env{Log: slog.New(slog.DiscardHandler), Fail: func(w http.ResponseWriter, _ *http.Request, status int, id string) {
		w.WriteHeader(status)
		fmt.Fprint(w, "decision ", id)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(route.Close)
	return route
}

func serve(t *testing.T, route *gateway.Route, p gateway.Passage) *httptest.Server {
	if p.Scheme == "" {
		p.Scheme = "https"
	}
	p.ID, p.Host = "d-1", "app.example.com"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { route.Forward(w, r, p) }))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// recorder is an upstream that keeps what it was asked last.
func recorder(t *testing.T) (url string, last func() *http.Request) {
	t.Helper()
	var got atomic.Pointer[http.Request]
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Store(r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got.Load
}

// raw sends text over a connection of its own, and returns it with the answer.
func raw(t *testing.T, s *httptest.Server, text string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return conn, r, res
}

func TestPathAndQueryGoOnByteForByte(t *testing.T) {
	up, last := recorder(t)
	for _, tt := range []struct{ name, base, strip, in, want string }{
		{"as it is", "", "", "/a/b", "/a/b"},
		{"an encoded slash", "", "", "/projects/group%2Fproject", "/projects/group%2Fproject"},
		{"lower case escapes, and others than Go's", "", "", "/a%2fb%7e|\"x'(*)", "/a%2fb%7e|\"x'(*)"},
		{"a query that Go cannot parse", "", "", "/a?x=%zz;y&&z", "/a?x=%zz;y&&z"},
		{"an empty query", "", "", "/a?", "/a?"},
		{"a path of the upstream's", "/base/", "", "/a?b", "/base/a?b"},
		{"without its prefix", "/base", "/api", "/api/a%2Fb?c", "/base/a%2Fb?c"},
		{"the prefix alone", "", "/api", "/api?x", "/?x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := front(t, up+tt.base, gateway.Passage{}, func(c *gateway.Config) { c.StripPrefix = tt.strip })
			_, _, res := raw(t, s, "GET "+tt.in+" HTTP/1.1\nHost: app.example.com\n\n")
			if got := last(); res.StatusCode != 200 || got.RequestURI != tt.want || got.Host != "app.example.com" {
				t.Errorf("%s: %d, %s at %s, want %s", tt.in, res.StatusCode, got.RequestURI, got.Host, tt.want)
			}
		})
	}
}

// ATTACKS 55: what tells the upstream who somebody is comes from the decision alone.
func TestHeaders(t *testing.T) {
	up, last := recorder(t)
	s := front(t, up, gateway.Passage{
		Header: http.Header{
			"X-Auth-Subject": {"alice"}, "X-Team": {""}, "Authorization": {"Bearer injected"},
			"Connection": {"close"}, "Content-Length": {"7"}, "Host": {"elsewhere"}, "Set-Cookie": {"a=b"},
		},
		Client: netip.MustParseAddr("203.0.113.9"),
		Private: func(name string) bool {
			return name == "__Host-session"
		},
	}, nil)
	for _, tt := range []struct {
		name, headers string
		want          http.Header // nil values: the header is not there
	}{
		{"an injected token", "", http.Header{"Authorization": {"Bearer injected"}, "X-Auth-Subject": {"alice"}}},
		{"forged identity", "X-Auth-Subject: root\nX-Team: admins\nX-Userinfo: {}\nX-Access-Token: t\nX-Id-Token: t\n",
			http.Header{"X-Auth-Subject": {"alice"}, "X-Team": nil, "X-Userinfo": nil, "X-Access-Token": nil, "X-Id-Token": nil}},
		{"ATTACKS 6: twins", "X_Auth_Subject: root\nx_team: admins\nX_Forwarded_Uri: /x\nX-Auth_Subject: root\n_x: y\n",
			http.Header{"X_auth_subject": nil, "X_team": nil, "X_forwarded_uri": nil, "X-Auth_subject": nil, "_x": {"y"}}},
		{"a client that strips what is injected", "Connection: Authorization, X-Auth-Subject, close\n",
			http.Header{"Authorization": {"Bearer injected"}, "X-Auth-Subject": {"alice"}}},
		{"hop-by-hop", "Keep-Alive: x\nProxy-Authorization: Basic eDp5\nConnection: X-Mine\nX-Mine: y\n",
			http.Header{"Keep-Alive": nil, "Proxy-Authorization": nil, "X-Mine": nil, "Connection": nil}},
		{"descriptions", "Forwarded: for=x\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Uri: /x\nX-Original-URL: /x\nX-Forwarded-Prefix: /x\n" +
			"X-Forwarded-Host: y\nX-Forwarded-Proto: ftp\nX-Real-Ip: 127.0.0.1\nX-Rewrite-Url: /x\nX-Eas-Verify-Params: {}\n",
			http.Header{"Forwarded": nil, "X-Forwarded-For": {"203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"}, "X-Forwarded-Uri": nil,
				"X-Original-Url": nil, "X-Forwarded-Prefix": nil, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Proto": {"https"},
				"X-Rewrite-Url": nil, "X-Eas-Verify-Params": nil}},
		{"cookies", "Cookie: a=1; __Host-session=secret;b=2\nCookie: __Host-session=x\nCookie: c=3\n", http.Header{"Cookie": {"a=1; b=2", "c=3"}}},
		{"the session's cookie alone", "Cookie: __Host-session=secret\n", http.Header{"Cookie": nil}},
		{"what is nobody's business", "Accept: a/b\nUser-Agent: me\nX-Custom: x\nAccept-Encoding: br\n",
			http.Header{"Accept": {"a/b"}, "User-Agent": {"me"}, "X-Custom": {"x"}, "Accept-Encoding": {"br"}, "Content-Length": nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, res := raw(t, s, "GET / HTTP/1.1\nHost: app.example.com\n"+tt.headers+"\n")
			got := last()
			if res.StatusCode != 200 || got.Host != "app.example.com" || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%d at %s, %v", res.StatusCode, got.Host, res.Header)
			}
			for name, want := range tt.want {
				if !slices.Equal(got.Header[name], want) {
					t.Errorf("%s = %q, want %q", name, got.Header[name], want)
				}
			}
		})
	}
}

// Trailers of a request could be taken for headers; those of an answer are the upstream's to send.
func TestTrailers(t *testing.T) {
	var trailer http.Header
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailer = r.Trailer
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, "done")
		w.Header().Set("Grpc-Status", "0")
	}))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{}, nil)
	req, err := http.NewRequest("POST", s.URL, struct{ io.Reader }{strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Auth-Subject": {"root"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if len(trailer) > 0 || res.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("trailers: request %v, answer %v, want none and grpc-status 0", trailer, res.Trailer)
	}
}

// What the upstream answers passes as it is, its own 401 too, with the cookie of a session that was renewed.
func TestAnswers(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.Header().Set("Set-Cookie", "theirs=1")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "mine")
	}))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{Reply: http.Header{"Set-Cookie": {"ours=2"}}}, nil)
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != 401 || string(text) != "mine" || res.Header.Get("WWW-Authenticate") != "Bearer" ||
		!slices.Equal(res.Header["Set-Cookie"], []string{"theirs=1", "ours=2"}) {
		t.Errorf("%d %q %v", res.StatusCode, text, res.Header)
	}
}

func TestUpstreamFails(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(release)
	garbage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	go func() {
		for {
			c, err := garbage.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-hello\r\n\r\n")
			_ = c.Close()
		}
	}()
	down := httptest.NewServer(nil)
	down.Close()
	for _, tt := range []struct {
		name, url string
		want      int
	}{{"down", down.URL, 502}, {"not HTTP", "http://" + garbage.Addr().String(), 502}, {"slow", slow.URL, 504}} {
		t.Run(tt.name, func(t *testing.T) {
			s := front(t, tt.url, gateway.Passage{Reply: http.Header{"Set-Cookie": {"ours=2"}}}, func(c *gateway.Config) { c.Timeout = 50 * time.Millisecond })
			res, err := http.Post(s.URL, "text/plain", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != tt.want || string(text) != "decision d-1" || res.Header.Get("Set-Cookie") != "ours=2" {
				t.Errorf("%d %q %v, want %d", res.StatusCode, text, res.Header, tt.want)
			}
		})
	}
}

// A body may have been acted on once a byte of it went: nobody sends it twice.
func TestNothingIsRetriedAfterTheBody(t *testing.T) {
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			return
		}
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{}, nil)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if res, err := http.Get(s.URL); err != nil || res.StatusCode != 200 { // leaves a connection to reuse
			t.Fatal(res, err)
		}
		asked.Store(0)
		req, _ := http.NewRequest(method, s.URL, strings.NewReader("body"))
		req.Header.Set("Idempotency-Key", "x") // says that a retry would do no harm
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != 502 || asked.Load() != 1 {
			t.Errorf("%s: %v, %v, asked %d times, want 502 and once", method, res, err, asked.Load())
		}
	}
}

// events is an upstream that sends one event and then whatever comes through more.
func events(t *testing.T, more chan string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		for {
			select {
			case text := <-more:
				_, _ = io.WriteString(w, text)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestEventsArriveAtOnce(t *testing.T) {
	more := make(chan string)
	s := front(t, events(t, more), gateway.Passage{}, nil)
	_, r, res := raw(t, s, "GET / HTTP/1.1\nHost: h\n\n")
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "data: 1" {
		t.Fatalf("%q, %v, %v", lines.Text(), lines.Err(), r)
	}
	more <- "data: 2\n\n"
	lines.Scan() // the empty line that ends an event
	if !lines.Scan() || lines.Text() != "data: 2" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
}

// A connection that lasts is decided again, and ends when it would not be allowed any more, or nobody can tell.
func TestLookAgain(t *testing.T) {
	upgraded := httptest.NewServer(http.HandlerFunc(echo))
	defer upgraded.Close()
	for _, tt := range []struct {
		name string
		// again answers the n-th question, from 1.
		again func(n int64) (bool, error)
		// want is how many questions end it.
		want int64
	}{
		{"denied", func(n int64) (bool, error) { return n < 3, nil }, 3},
		{"nobody can tell", func(n int64) (bool, error) { return true, errors.New("the store is down") }, 2},
		{"nobody can tell for a moment", func(n int64) (bool, error) {
			if n%2 == 0 {
				return true, errors.New("the store is down")
			}
			return n < 5, nil
		}, 5},
	} {
		for kind, request := range map[string]string{
			"stream":  "GET / HTTP/1.1\nHost: h\n\n",
			"upgrade": "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n",
		} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				up := upgraded.URL
				if kind == "stream" {
					up = events(t, make(chan string))
				}
				var asked atomic.Int64
				s := front(t, up, gateway.Passage{Again: func(context.Context) (bool, error) { return tt.again(asked.Add(1)) }},
					func(c *gateway.Config) { c.LookAgain = 5 * time.Millisecond })
				_, r, res := raw(t, s, request)
				if kind == "stream" {
					_, _ = io.Copy(io.Discard, res.Body)
				} else if _, err := io.Copy(io.Discard, r); err != nil {
					t.Errorf("%v, want the connection closed", err)
				}
				if n := asked.Load(); n != tt.want {
					t.Errorf("decided %d times, want %d", n, tt.want)
				}
			})
		}
	}
}

// A logout ends what lasts without waiting for the next look.
func TestLookAgainAtLogout(t *testing.T) {
	for kind, request := range map[string]string{
		"stream":  "GET / HTTP/1.1\nHost: h\n\n",
		"upgrade": "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n",
	} {
		t.Run(kind, func(t *testing.T) {
			upgraded := httptest.NewServer(http.HandlerFunc(echo))
			defer upgraded.Close()
			up := upgraded.URL
			if kind == "stream" {
				up = events(t, make(chan string))
			}
			var loggedOut atomic.Bool
			asked := make(chan struct{}, 9)
			route := newRoute(t, up, func(c *gateway.Config) { c.Soon = time.Millisecond })
			s := serve(t, route, gateway.Passage{Again: func(context.Context) (bool, error) {
				asked <- struct{}{}
				return !loggedOut.Load(), nil
			}})
			_, r, res := raw(t, s, request)
			route.LookAgain()
			<-asked
			loggedOut.Store(true)
			route.LookAgain()
			if kind == "stream" {
				_, _ = io.Copy(io.Discard, res.Body)
			} else {
				_, _ = io.Copy(io.Discard, r)
			}
			if n := len(asked); n != 1 {
				t.Errorf("decided %d times after the logout, want once", n)
			}
		})
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(echo))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{}, func(c *gateway.Config) { c.Timeout = 30 * time.Millisecond })
	_, r, res := raw(t, s, "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n")
	if res.StatusCode != 101 {
		t.Fatalf("%d, want an upgrade", res.StatusCode)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("%v, want the idle connection closed", err)
	}
	s = front(t, events(t, make(chan string)), gateway.Passage{}, func(c *gateway.Config) { c.Timeout = 30 * time.Millisecond })
	_, _, res = raw(t, s, "GET / HTTP/1.1\nHost: h\n\n")
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q and a proper end, want the stream cut off", text)
	}
}

// echo upgrades and sends back each line.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
	for {
		line, err := buf.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, line)
	}
}

func TestUpgrades(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(echo))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{Reply: http.Header{"Set-Cookie": {"ours=2"}}}, nil)
	conn, r, res := raw(t, s, "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n")
	if res.StatusCode != 101 || res.Header.Get("Set-Cookie") != "ours=2" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	for _, line := range []string{"hello\n", "again\n"} {
		if _, err := io.WriteString(conn, line); err != nil {
			t.Fatal(err)
		}
		if got, err := r.ReadString('\n'); got != line {
			t.Errorf("%q, %v, want %q back", got, err, line)
		}
	}
	// HTTP/2 in clear would carry requests past the decision.
	_, _, res = raw(t, s, "GET / HTTP/1.1\nHost: h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\n\n")
	if res.StatusCode != 200 {
		t.Errorf("h2c: %d, want no upgrade", res.StatusCode)
	}
}

// A client that leaves ends the request at the upstream.
func TestClientLeaves(t *testing.T) {
	left := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	}))
	defer up.Close()
	s := front(t, up.URL, gateway.Passage{}, nil)
	conn, _, _ := raw(t, s, "GET / HTTP/1.1\nHost: h\n\n")
	_ = conn.Close()
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the upstream goes on")
	}
}

func TestUpstreamURL(t *testing.T) {
	for _, bad := range []string{"", "ftp://h", "http://", "//h", "http://u:p@h", "http://h?x", "http://h#f", "/path"} {
		u, err := url.Parse(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.New(gateway.Config{Upstream: u}, gateway.Env{}); err == nil {
			t.Errorf("New(%q) gives a route, want an error", bad)
		}
	}
}
