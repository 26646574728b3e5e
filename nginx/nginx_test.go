//go:build integration

package nginx_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

// A gate is a running nginx with the recipe, and the address to reach it at.
type gate struct{ addr string }

// edits are what a user changes in the recipe's files, by what stands there.
type edits map[string]string

// start runs nginx with a copy of the recipe in which the addresses of easgate and of the application are replaced, and
// more edits.
func start(t *testing.T, easgate, app string, more edits) *gate {
	t.Helper()
	all := edits{
		"server 127.0.0.1:8080;":      "server " + easgate + ";",
		"http://127.0.0.1:3000":       "http://" + app,
		"listen 80;":                  "listen {listen};",
		"root /srv/app;":              "root {dir}/app;",
		"/run/nginx-easgate":          "{dir}/cache",
		"config_token=REPLACE_ME":     "config_token=sealed",
		"server_name app.example.com": "server_name app.example.com admin.example.com public.example.com",
	}
	maps.Copy(all, more)
	return &gate{testserver.Nginx(t, testserver.NginxConfig{
		Recipe: ".", Edits: all, Files: map[string]string{"app/assets/logo.txt": "logo", "app/secret.txt": "secret"},
	}).Addr}
}

// A seen is what a server behind nginx was asked.
type seen struct {
	Method, URI, Host string
	Header            http.Header
	BodyBytes         int64
}

func record(r *http.Request) seen {
	n, _ := io.Copy(io.Discard, r.Body)
	return seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), n}
}

// application starts an upstream that answers 200 and tells in JSON what it was asked. It upgrades whoever asks for
// it, and sends back the first line that comes.
func application(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" && r.Header.Get("Connection") == "upgrade" {
			echoLine(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/own-401") {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_ = json.NewEncoder(w).Encode(record(r))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func echoLine(w http.ResponseWriter) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
	line, _ := buf.ReadString('\n')
	_, _ = io.WriteString(conn, line)
}

// A judge stands in for easgate where a test needs an answer that no plugin gives on demand.
type judge struct {
	addr string
	// answer is how it answers; set it before each request.
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int64
	conns  atomic.Int64
	last   atomic.Pointer[seen]
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	j := &judge{}
	j.says(func(w http.ResponseWriter, _ *http.Request) {})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.asked.Add(1)
		asked := record(r)
		j.last.Store(&asked)
		w.Header().Set("Cache-Control", "no-store")
		(*j.answer.Load())(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			j.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	j.addr = s.Listener.Addr().String()
	return j
}

func (j *judge) says(h http.HandlerFunc) { j.answer.Store(&h) }

// status answers with a status and headers: name, value, name, value.
func (j *judge) status(code int, headers ...string) {
	j.says(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	})
}

// An answer is what a client of nginx got. App is what the application was asked, nil if it was not.
type answer struct {
	Status int
	Header http.Header
	App    *seen
}

// client follows no redirects and keeps its connections.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// get sends a request with headers (name, value, name, value) and no body.
func (g *gate) get(t *testing.T, uri string, headers ...string) answer {
	t.Helper()
	return g.do(t, http.MethodGet, uri, nil, headers...)
}

func (g *gate) do(t *testing.T, method, uri string, body []byte, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.addr, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// As it is: URL would be cleaned up on its way.
	req.URL.Opaque = uri
	if strings.HasPrefix(uri, "//") {
		t.Fatalf("%s: use raw for what net/http cannot send", uri)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			// Not Set: it would change the spelling.
			req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, uri, err)
	}
	return readAnswer(t, resp)
}

func readAnswer(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	a := answer{Status: resp.StatusCode, Header: resp.Header}
	if resp.Header.Get("Content-Type") == "application/json" {
		a.App = &seen{}
		if err := json.NewDecoder(resp.Body).Decode(a.App); err != nil {
			t.Fatalf("application's answer: %v", err)
		}
	}
	return a
}

// raw sends a request line and headers as they are, on a connection of its own.
func (g *gate) raw(t *testing.T, line string, headers ...string) answer {
	t.Helper()
	return g.rawFrom(t, net.IPv4(127, 0, 0, 1), line, headers...)
}

// rawFrom is raw from another address of this machine.
func (g *gate) rawFrom(t *testing.T, from net.IP, line string, headers ...string) answer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	conn, err := dialer.DialContext(t.Context(), "tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := line + "\r\n" + strings.Join(append(headers, "Connection: close"), "\r\n") + "\r\n\r\n"
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return readAnswer(t, resp)
}
