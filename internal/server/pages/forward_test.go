package pages

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
	"github.com/easgate/easgate/plugins"
)

// keeper is a plugin with a cookie of its own, and a page.
type keeper struct{ loggedOut *atomic.Bool }

func (k keeper) Verify(_ context.Context, r *plugins.Request) (plugins.Result, error) {
	if k.loggedOut.Load() || !strings.Contains(r.Header.Get("Cookie"), "session=1") {
		return plugins.Result{Verdict: plugins.Abstain, Status: 302, Header: http.Header{"Location": {"https://idp.example/"}}}, nil
	}
	return plugins.Result{
		Verdict: plugins.Allow, Header: http.Header{"Authorization": {"Bearer injected"}, "Content-Type": {"text/plain"}, "X-Userinfo": {""}},
		Cookies: []*http.Cookie{{Name: "session", Value: "renewed"}},
	}, nil
}

func (keeper) Cookies() []string { return []string{"session"} }

func (keeper) Pages() []plugins.Page {
	return []plugins.Page{{Path: "/oauth/userinfo", Serve: func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) {
		return plugins.PageResult{Body: []byte("page")}, nil
	}}}
}

// A gate is a site before an application that tells what it was asked.
type gate struct {
	*httptest.Server
	loggedOut atomic.Bool
	site      *Site
	log       *verifytest.Log
}

const appHost = "app.example.com"

func newGate(t *testing.T) *gate {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			c, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "theirs")
		fmt.Fprintf(w, "app %s %s auth=%s user=%s info=%q cookie=%s proto=%s host=%s", r.Method, r.RequestURI, r.Header.Get("Authorization"),
			r.Header.Get("X-User"), r.Header["X-Userinfo"], r.Header.Get("Cookie"), r.Header.Get("X-Forwarded-Proto"), r.Host)
	}))
	t.Cleanup(app.Close)
	g := &gate{}
	f := verifytest.New(t, nil)
	f.Plugins["keeper"] = plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) { return keeper{&g.loggedOut}, nil })
	token := func(more string, plugin string) string {
		return quoted(`{"eas":{` + more + `"plugins":[` + plugin + `]}}`)
	}
	upstream := `"upstream":{"url":"` + app.URL + `","look_again":"10ms"}`
	const user = `"custom_service_headers":{"X-User":{"source":"static","query":"alice"}}`
	table, err := mount.Parse(json.RawMessage(`[
		{"path": "/", "config_token": ` + token("", `{"type":"noop"}`) + `, ` + upstream + `},
		{"path": "/private", "config_token": ` + token("", `{"type":"keeper",`+user+`}`) + `, ` + upstream + `},
		{"path": "/cors", "config_token": ` + token(`"cors":{"origins":["https://spa.example.com"],"credentials":true},`, `{"type":"keeper"}`) + `, ` + upstream + `},
		{"path": "/theirs", "config_token": ` + token(`"cors":{"origins":["https://spa.example.com"],"preflight":"pass"},`, `{"type":"keeper",`+user+`}`) + `, ` + upstream + `},
		{"path": "/patient", "config_token": ` + token("", `{"type":"keeper"}`) + `, "upstream":{"url":"` + app.URL + `","look_again":"1h"}},
		{"path": "/strip", "config_token": ` + token("", `{"type":"noop"}`) + `, "upstream":{"url":"` + app.URL + `/base","strip_prefix":true}},
		{"path": "/down", "config_token": ` + token("", `{"type":"noop"}`) + `, "upstream":{"url":"http://127.0.0.1:1"}},
		{"path": "/gone", "config_token_store_id": "main", "config_token_id": "gone", ` + upstream + `}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	g.log = f.Log
	if g.site, err = New(Config{Verifier: f.Verifier, Mounts: table, Log: f.Config.Log}); err != nil {
		t.Fatal(err)
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.site.Serve(w, r) }))
	t.Cleanup(g.Close)
	return g
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// ask sends a request as it is written, and returns status, body and header.
func (g *gate) ask(t *testing.T, method, target string, headers ...string) (int, string, http.Header) {
	t.Helper()
	res, _ := g.open(t, method, target, headers...)
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Header
}

func (g *gate) open(t *testing.T, method, target string, headers ...string) (*http.Response, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", g.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: " + appHost, "Content-Length: 0"}, headers...)
	_, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return res, r
}

func TestForward(t *testing.T) {
	g := newGate(t)
	const mine, forged = "Cookie: a=b; session=1", "X-User: root"
	for _, tt := range []struct {
		name, method, target string
		headers              []string
		status               int
		body                 string // what it has
	}{
		{"open to all", "GET", "/a?b", nil, 200, "app GET /a?b auth= user= "},
		{"nobody", "GET", "/private/x", nil, 302, ""},
		{"nobody, and says otherwise", "GET", "/private/x", []string{forged, "Authorization: Bearer own"}, 302, ""},
		{"logged in", "GET", "/private/a%2Fb?c=%2f", []string{mine, forged, `X-Userinfo: {"sub":"root"}`, "X_User: root"}, 200,
			`app GET /private/a%2Fb?c=%2f auth=Bearer injected user=alice info=[] cookie=a=b proto=http`},
		// The host that was decided about is the one that is asked for.
		{"another host", "GET", "/a", []string{"X-Forwarded-Host: other.example.com"}, 200, "host=other.example.com"},
		{"a page of the plugin's", "GET", "/private/oauth/userinfo", []string{mine}, 200, "page"},
		{"not for nobody", "GET", "/private/oauth/userinfo", nil, 302, ""},
		{"whoami is the application's", "GET", "/private/whoami", []string{mine}, 200, "app GET /private/whoami"},
		{"the longest path wins", "GET", "/private", nil, 302, ""},
		{"a segment is whole", "GET", "/privateer", nil, 200, "app GET /privateer"},
		{"an escaped letter", "GET", "/%70rivate/x", nil, 302, ""},
		{"without its prefix", "GET", "/strip/a%2Fb?c", nil, 200, "app GET /base/a%2Fb?c"},
		{"a prefix that is spelled differently", "GET", "/%73trip/a", nil, 400, ""},
		{"the upstream is down", "GET", "/down/", nil, 502, ""},
		{"a token that is gone", "GET", "/gone/", []string{mine}, 503, ""},
		// ATTACKS 10–14: denied before anything is routed.
		{"dot segments", "GET", "/public/../private/x", nil, 400, ""},
		{"escaped dots", "GET", "/public/%2e%2e/private/x", nil, 400, ""},
		{"escaped slashes and dots", "GET", "/public%2f..%2fprivate/x", nil, 400, ""},
		{"a query", "GET", "/private/x?x=/public", nil, 302, ""},
		{"a fragment", "GET", "/private/x#/public", nil, 400, ""},
		{"a broken escape", "GET", "/%zz", nil, 400, ""},
		{"doubled slashes", "GET", "//private/x", nil, 400, ""},
		{"an escaped slash before the mount", "GET", "/%2Fprivate/x", nil, 400, ""},
		{"an escaped slash in the mount", "GET", "/private%2Fx", nil, 400, ""},
		{"a Host that moves the boundary", "GET", "/", []string{"X-Forwarded-Host: a/private?"}, 400, ""},
		// Other sites.
		{"a form of another site", "POST", "/private/x", []string{mine, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403, ""},
		{"of the site", "POST", "/private/x", []string{mine, "Origin: http://" + appHost, "Sec-Fetch-Site: same-origin"}, 200, "app POST /private/x"},
		{"of another site, without a session", "POST", "/private/x", []string{"Origin: https://evil.example"}, 302, ""},
		{"a program's", "POST", "/private/x", []string{mine}, 200, "app POST"},
		{"a websocket of another site", "GET", "/private/x", []string{mine, "Connection: Upgrade", "Upgrade: websocket", "Origin: https://evil.example"}, 403, ""},
		{"on the list", "POST", "/cors/x", []string{mine, "Origin: https://spa.example.com", "Sec-Fetch-Site: cross-site"}, 200, "app POST"},
		{"a preflight", "OPTIONS", "/cors/x", []string{"Origin: https://spa.example.com", "Access-Control-Request-Method: PUT"}, 204, ""},
		{"a preflight of others", "OPTIONS", "/cors/x", []string{"Origin: https://evil.example", "Access-Control-Request-Method: PUT"}, 403, ""},
		{"a preflight for the application", "OPTIONS", "/theirs/x", []string{forged, "Origin: https://evil.example", "Access-Control-Request-Method: PUT"}, 200,
			"app OPTIONS /theirs/x auth= user= "},
		{"a preflight without rules", "OPTIONS", "/private/x", []string{"Origin: https://evil.example", "Access-Control-Request-Method: PUT"}, 302, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, h := g.ask(t, tt.method, tt.target, tt.headers...)
			if status != tt.status || !strings.Contains(body, tt.body) || status != 200 && strings.HasPrefix(body, "app") {
				t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.target, status, body, tt.status, tt.body)
			}
			if strings.HasPrefix(body, "app") && h.Get("X-Eas-Decision-Id") != "" {
				t.Error("the decision's id is an application's answer")
			}
		})
	}
	if _, _, h := g.ask(t, "GET", "/private/x", mine); !slices.Equal(h["Set-Cookie"], []string{"session=renewed"}) || h.Get("Content-Type") == "text/plain" {
		t.Errorf("%v, want the renewed session's cookie and none of the decision's type", h)
	}
	for target, want := range map[string]string{"/cors/x": "https://spa.example.com", "/theirs/x": "theirs", "/private/x": "theirs"} {
		if _, _, h := g.ask(t, "GET", target, mine, "Origin: https://spa.example.com"); h.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%s: %v, want %s", target, h, want)
		}
	}
}

// A connection that lasts ends when the session has.
func TestForwardEndsWithTheSession(t *testing.T) {
	g := newGate(t)
	res, r := g.open(t, "GET", "/private/ws", "Cookie: session=1", "Connection: Upgrade", "Upgrade: websocket")
	if line, err := r.ReadString('\n'); res.StatusCode != 101 || line != "hello\n" {
		t.Fatalf("%d %q %v", res.StatusCode, line, err)
	}
	g.loggedOut.Store(true)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("%v, want the connection closed", err)
	}
}

// Nor does a logout wait for the next look.
func TestForwardEndsAtLogout(t *testing.T) {
	g := newGate(t)
	_, r := g.open(t, "GET", "/patient/ws", "Cookie: session=1", "Connection: Upgrade", "Upgrade: websocket")
	if line, err := r.ReadString('\n'); line != "hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	g.loggedOut.Store(true)
	g.site.LookAgain()
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("%v, want the connection closed", err)
	}
}
