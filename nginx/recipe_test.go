//go:build integration

package nginx_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What nginx makes of each answer, in the location for programs.
func TestStatus(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	for _, tt := range []struct{ says, want int }{
		{200, 200},
		{204, 200}, // the application's status
		{401, 401},
		{403, 403},
		{302, 500}, // why easgate answers 401 with a Location
		{404, 500}, // why easgate answers 403
		{500, 500},
		{503, 500},
	} {
		t.Run(fmt.Sprint(tt.says), func(t *testing.T) {
			j.status(tt.says, "WWW-Authenticate", `Basic realm="x"`)
			got := g.get(t, "/api/x")
			if got.Status != tt.want {
				t.Errorf("easgate's %d: status %d, want %d", tt.says, got.Status, tt.want)
			}
			if passed := got.App != nil; passed != (tt.want == 200) {
				t.Errorf("easgate's %d: application asked: %v", tt.says, passed)
			}
			if tt.says == 401 && got.Header.Get("WWW-Authenticate") != `Basic realm="x"` {
				t.Errorf("WWW-Authenticate = %q", got.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

// An easgate that is down denies.
func TestDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	g := start(t, addr, application(t), nil)
	for _, uri := range []string{"/", "/api/"} {
		if got := g.get(t, uri); got.Status != 500 || got.App != nil {
			t.Errorf("%s: status %d, application asked: %v, want 500 and no", uri, got.Status, got.App != nil)
		}
	}
}

func TestBrowserLogin(t *testing.T) {
	const login = "https://login.example.com/authorize?client_id=a&state=b%2Bc&redirect_uri=https%3A%2F%2Fapp"
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)

	t.Run("redirect", func(t *testing.T) {
		j.status(401, "Location", login, "Set-Cookie", "csrf=1; HttpOnly")
		got := g.get(t, "/page?a=1&b=2")
		if got.Status != 302 || got.Header.Get("Location") != login {
			t.Errorf("status %d to %q, want 302 to %q", got.Status, got.Header.Get("Location"), login)
		}
		if c := got.Header["Set-Cookie"]; !slices.Equal(c, []string{"csrf=1; HttpOnly"}) {
			t.Errorf("Set-Cookie = %q, want easgate's", c)
		}
		// A redirect that is remembered sends people to an old state.
		if cc := got.Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("Cache-Control = %q, want no-store", cc)
		}
	})
	t.Run("no login page", func(t *testing.T) {
		j.status(401, "WWW-Authenticate", `Basic realm="x"`, "Set-Cookie", "gone=; Max-Age=0")
		got := g.get(t, "/page")
		if got.Status != 401 || got.Header.Get("WWW-Authenticate") != `Basic realm="x"` || got.Header.Get("Location") != "" {
			t.Errorf("status %d, headers %v, want 401 with WWW-Authenticate and no Location", got.Status, got.Header)
		}
		if c := got.Header["Set-Cookie"]; !slices.Equal(c, []string{"gone=; Max-Age=0"}) {
			t.Errorf("Set-Cookie = %q, want easgate's", c)
		}
	})
	t.Run("a cookie on 200", func(t *testing.T) {
		j.status(200, "Set-Cookie", "session=2; HttpOnly")
		got := g.get(t, "/page")
		if got.Status != 200 || !slices.Equal(got.Header["Set-Cookie"], []string{"session=2; HttpOnly"}) {
			t.Errorf("status %d, Set-Cookie %q, want 200 with easgate's", got.Status, got.Header["Set-Cookie"])
		}
	})
	t.Run("forbidden stays forbidden", func(t *testing.T) {
		j.status(403, "Location", login)
		if got := g.get(t, "/page"); got.Status != 403 || got.Header.Get("Location") != "" {
			t.Errorf("status %d to %q, want 403", got.Status, got.Header.Get("Location"))
		}
	})
	t.Run("the application's own 401", func(t *testing.T) {
		j.status(200)
		if got := g.get(t, "/own-401"); got.Status != 401 || got.App == nil {
			t.Errorf("status %d, application asked: %v, want its 401", got.Status, got.App != nil)
		}
	})
	t.Run("programs get no redirect", func(t *testing.T) {
		j.status(401, "Location", login)
		if got := g.get(t, "/api/x"); got.Status != 401 || got.Header.Get("Location") != "" {
			t.Errorf("status %d to %q, want 401", got.Status, got.Header.Get("Location"))
		}
	})
}

// forged are headers that a client must not be able to hand to easgate or to the application.
var forged = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Method", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Proto", "X-Forwarded-Uri", "X-Original-Method", "X-Original-Url", "X-Real-Ip", "X-Replaced-Path",
}

func forgeries(more ...string) []string {
	var headers []string
	for _, name := range slices.Concat(forged, more) {
		headers = append(headers, name, "forged", strings.ReplaceAll(name, "-", "_"), "forged")
	}
	return headers
}

func TestQuestion(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	g.do(t, "PUT", "/api/a%2Fb?c=%2e%2e&d=1", []byte("body"),
		append(forgeries("X-Eas-Request-Uri", "X-Eas-Verify-Params"), "Host", "app.example.com:99", "Authorization", "Bearer t", "Cookie", "a=b")...)
	_, port, _ := net.SplitHostPort(g.addr)
	got := j.last.Load()

	if want := "/verify?proxy=nginx&config_token=sealed"; got.URI != want {
		t.Errorf("URI = %s, want %s", got.URI, want)
	}
	want := map[string]string{
		"X-Forwarded-Method": "PUT",
		"X-Forwarded-Proto":  "http",
		"X-Forwarded-Host":   "app.example.com:" + port,
		"X-Forwarded-Uri":    "/api/a%2Fb?c=%2e%2e&d=1",
		"X-Forwarded-For":    "127.0.0.1",
		"Authorization":      "Bearer t",
		"Cookie":             "a=b",
	}
	for name, value := range want {
		if v := got.Header[name]; !slices.Equal(v, []string{value}) {
			t.Errorf("%s = %q, want %q alone", name, v, value)
		}
	}
	for name, values := range got.Header {
		if slices.Contains(values, "forged") {
			t.Errorf("%s = %q: the client's own reached easgate", name, values)
		}
	}
	if got.Method != "GET" || got.BodyBytes != 0 || got.Header.Get("Content-Length") != "" {
		t.Errorf("method %s with %d bytes of body, want GET without", got.Method, got.BodyBytes)
	}
}

func TestApplicationSees(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	identity := []string{"X-Auth-Subject", "X-Userinfo", "X-Id-Token", "X-Access-Token"}
	headers := append(forgeries(append(identity, "X-Rewrite-Url")...), "X-Own", "kept", "Host", "app.example.com")

	for _, uri := range []string{"/page", "/api/x"} {
		t.Run("nobody "+uri, func(t *testing.T) {
			j.status(200)
			got := g.get(t, uri, headers...)
			if got.App == nil {
				t.Fatalf("status %d, want the application's", got.Status)
			}
			for name, values := range got.App.Header {
				if slices.Contains(values, "forged") {
					t.Errorf("%s = %q: the client's own reached the application", name, values)
				}
			}
			if got.App.Header.Get("X-Own") != "kept" {
				t.Errorf("X-Own = %q, want kept", got.App.Header.Get("X-Own"))
			}
			if name, _, _ := net.SplitHostPort(got.App.Host); name != "app.example.com" {
				t.Errorf("Host = %s, want app.example.com", got.App.Host)
			}
		})
		t.Run("somebody "+uri, func(t *testing.T) {
			var said []string
			for _, name := range identity {
				said = append(said, name, "easgate's "+name)
			}
			j.status(200, said...)
			got := g.get(t, uri, headers...)
			if got.App == nil {
				t.Fatalf("status %d, want the application's", got.Status)
			}
			for _, name := range identity {
				if v := got.App.Header[name]; !slices.Equal(v, []string{"easgate's " + name}) {
					t.Errorf("%s = %q, want easgate's alone", name, v)
				}
			}
		})
	}
}

func TestLarge(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	large := strings.Repeat("x", 20_000)

	j.status(200, "X-Userinfo", large)
	got := g.get(t, "/page", "Cookie", "a="+large)
	if got.App == nil || got.App.Header.Get("X-Userinfo") != large || got.App.Header.Get("Cookie") != "a="+large {
		t.Errorf("20 kB of cookie and identity: status %d, want both at the application", got.Status)
	}
	if asked := j.last.Load().Header.Get("Cookie"); asked != "a="+large {
		t.Errorf("easgate saw %d bytes of cookie, want %d", len(asked), len(large)+2)
	}
	j.status(401, "Location", "https://login.example.com/?state="+large)
	if got := g.get(t, "/page"); got.Status != 302 || len(got.Header.Get("Location")) < len(large) {
		t.Errorf("20 kB of Location: status %d, want 302", got.Status)
	}
}

func TestUpload(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	body := bytes.Repeat([]byte("0123456789"), 20_000)
	for _, allowed := range []bool{true, false} {
		j.status(map[bool]int{true: 200, false: 403}[allowed])
		got := g.do(t, "POST", "/api/upload", body, "Content-Type", "application/json")
		if j.last.Load().BodyBytes != 0 {
			t.Errorf("easgate got %d bytes of body", j.last.Load().BodyBytes)
		}
		if !allowed {
			if got.Status != 403 {
				t.Errorf("denied upload: status %d, want 403", got.Status)
			}
			continue
		}
		if got.App == nil || got.App.BodyBytes != int64(len(body)) || got.App.Method != "POST" {
			t.Errorf("allowed upload: status %d, application saw %+v, want %d bytes", got.Status, got.App, len(body))
		}
	}
}

// inServer stands in the server of site.conf and nowhere else.
const inServer = "\n    location = /_auth {\n        # A store's"

// nginx checks client_max_body_size in the auth location again, whose limit is not the protected one's.
func TestUploadLimits(t *testing.T) {
	j := newJudge(t)
	j.status(200)
	app := application(t)
	g := start(t, j.addr, app, edits{
		// As users write more of the same: limits of the server, a larger one in a location, and another token.
		inServer: `
			client_max_body_size 1m;
			client_body_buffer_size 8k;
			limit_req zone=each burst=1000 nodelay;
			limit_conn open 100;
			location /large/ {
				include easgate/api.conf;
				client_max_body_size 8m;
				proxy_pass http://` + app + `;
			}
			location = /_auth_other {
				set $eas_params "config_token=other";
				include easgate/verify.conf;
			}
			location /other/ {
				auth_request /_auth_other;
				include easgate/upstream.conf;
				error_page 401 = @eas_login;
				client_max_body_size 8m;
				limit_except POST { deny all; }
				proxy_pass http://` + app + `;
			}
			location /unlimited/ {
				include easgate/browser.conf;
				client_max_body_size 0;
				proxy_pass http://` + app + `;
			}` + inServer,
		"underscores_in_headers off;": `underscores_in_headers off;
			limit_req_zone $server_name zone=each:1m rate=1000r/s;
			limit_conn_zone $server_name zone=open:1m;`,
	})
	body := bytes.Repeat([]byte("x"), 5<<20)
	for _, tt := range []struct {
		uri    string
		says   int
		size   int
		status int
	}{
		{"/large/", 200, 5 << 20, 200},
		{"/other/", 200, 5 << 20, 200},
		{"/unlimited/", 200, 5 << 20, 200},
		{"/api/", 200, 5 << 20, 413},
		{"/api/", 200, 1 << 20, 200},
		{"/", 200, 5 << 20, 413},
		{"/large/", 403, 5 << 20, 403},
		{"/large/", 401, 5 << 20, 401},
		{"/other/", 401, 5 << 20, 302},
		{"/unlimited/", 401, 5 << 20, 302},
	} {
		j.status(tt.says, "Location", "https://login.example.com/")
		got := g.do(t, "POST", tt.uri, body[:tt.size])
		if got.Status != tt.status {
			t.Errorf("POST %s of %d bytes, easgate says %d: status %d, want %d", tt.uri, tt.size, tt.says, got.Status, tt.status)
		}
		if tt.status == 200 && (got.App == nil || got.App.BodyBytes != int64(tt.size)) {
			t.Errorf("POST %s: the application got %+v, want %d bytes", tt.uri, got.App, tt.size)
		}
	}
	if got := g.get(t, "/other/"); got.Status != 403 || got.App != nil {
		t.Errorf("GET /other/, where only POST is allowed: %d, want 403", got.Status)
	}
}

// ATTACKS 79: pages for errors, which a server has for its application, never turn a denial into an allow.
func TestErrorPages(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), edits{inServer: `
		proxy_intercept_errors on;
		error_page 401 403 404 500 502 503 504 =200 /assets/logo.txt;
		error_page 413 = /assets/logo.txt;` + inServer})
	for _, status := range []int{401, 403, 404, 500, 502, 503, 504} {
		j.status(status)
		for _, uri := range []string{"/", "/api/"} {
			if got := g.get(t, uri); got.App != nil {
				t.Errorf("easgate says %d: %s reaches the application", status, uri)
			}
		}
	}
	j.status(200)
	if got := g.raw(t, "GET //api/ HTTP/1.1", "Host: app.example.com"); got.App != nil {
		t.Error("an ambiguous path reaches the application")
	}
	if got := g.do(t, "POST", "/api/", bytes.Repeat([]byte("x"), 2<<20)); got.App != nil {
		t.Error("a large upload reaches the application")
	}
	if got := g.get(t, "/api/"); got.App == nil {
		t.Error("what easgate allows does not reach the application")
	}
	t.Run("down", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		g := start(t, addr, application(t), edits{inServer: `
			error_page 500 502 503 504 =200 /assets/logo.txt;` + inServer})
		if got := g.get(t, "/api/"); got.App != nil {
			t.Error("easgate is down, and the application is reached")
		}
	})
}

func TestUpgrade(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	upgrade := func() (*http.Response, *bufio.Reader, net.Conn) {
		conn, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp, r, conn
	}

	j.status(200)
	resp, r, conn := upgrade()
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("allowed upgrade: status %d, want 101", resp.StatusCode)
	}
	fmt.Fprintln(conn, "hello")
	if line, err := r.ReadString('\n'); line != "hello\n" {
		t.Errorf("upgraded connection: %q, %v, want an echo", line, err)
	}
	if u := j.last.Load().Header.Get("Upgrade"); u != "" {
		t.Errorf("easgate was asked to upgrade to %q", u)
	}

	j.status(401)
	resp, _, _ = upgrade()
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("denied upgrade: status %d, want 401", resp.StatusCode)
	}
}

// A new connection for each verification would cost more than the verification.
func TestKeptAlive(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	before := j.asked.Load()
	for range 1000 {
		if got := g.get(t, "/page"); got.Status != 200 {
			t.Fatalf("status %d, want 200", got.Status)
		}
	}
	if n := j.asked.Load() - before; n != 1000 {
		t.Errorf("easgate was asked %d times, want 1000", n)
	}
	if n := j.conns.Load(); n > 4 {
		t.Errorf("%d connections for 1000 requests, want at most 4", n)
	}
}

// What is for nginx alone does not exist outside, and nothing climbs out of its folder (ATTACKS 51).
func TestInternal(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	for _, uri := range []string{
		"/_auth", "/_auth?x=1", "/%5fauth", "/_%61uth", "/x/../_auth", "//_auth", "/./_auth", "/_auth#x",
		"/assets../x", "/assets..", "/assets%2e%2e/secret.txt", "/api../x",
	} {
		before := j.asked.Load()
		got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com")
		if got.Status != 404 || got.App != nil {
			t.Errorf("%s: status %d, application asked: %v, want 404 and no", uri, got.Status, got.App != nil)
		}
		if j.asked.Load() != before {
			t.Errorf("%s: reached easgate", uri)
		}
	}
	if got := g.get(t, "/assets/logo.txt"); got.Status != 200 {
		t.Errorf("/assets/logo.txt: status %d, want 200", got.Status)
	}
	// Not a location of its own: it is protected as everything else is.
	j.status(401)
	for _, uri := range []string{"/_auth/", "/_auth/verify", "/_AUTH", "/@eas_login"} {
		if got := g.get(t, uri); got.Status != 401 {
			t.Errorf("%s: status %d, want 401", uri, got.Status)
		}
	}
}

// What nginx routes by another name than it shows is not asked about (server.conf says which).
func TestAmbiguous(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	for uri, want := range map[string]int{
		"//api/x":                          403,
		"/api//x":                          403,
		"/%2Fapi/x":                        403,
		"/api/%2fx":                        403,
		"/api%2F/x":                        403,
		"/api%2F%2fx":                      403,
		"/%61pi/x":                         403,
		"/api/%7A":                         403,
		"/api/my%5Ffile%2Dv1%2Etxt":        403,
		"/api/%30":                         403,
		"/x?y=//z&w=%61":                   200,
		"/api/v4/projects/group%2Fproject": 200,
		"/@scope%2fname":                   200,
		"/a/b..c":                          200,
		"/%E6%97%A5?x=%2e%2e":              200,
		"/public/C%23/x":                   200,
		"/public/a;v=1":                    200,
		"/%40scope/%7Euser/%5B1%5D":        200,
	} {
		got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com")
		if got.Status != want {
			t.Errorf("%s: status %d, want %d", uri, got.Status, want)
		}
		if want == 200 && (got.App == nil || got.App.URI != uri || j.last.Load().Header.Get("X-Forwarded-Uri") != uri) {
			t.Errorf("%s: easgate was asked about %s, the application saw %+v, want the same",
				uri, j.last.Load().Header.Get("X-Forwarded-Uri"), got.App)
		}
	}
}

// An answer of easgate's, or of a service that it forwards to, does not steer nginx: with X-Accel-Redirect a denial
// would become the status of wherever that leads.
func TestAnswerDoesNotSteer(t *testing.T) {
	steer := []string{"X-Accel-Redirect", "/assets/logo.txt", "X-Accel-Limit-Rate", "1", "X-Accel-Expires", "60"}
	for name, variant := range map[string]edits{"verify.conf": nil, "verify-cached.conf": cached} {
		t.Run(name, func(t *testing.T) {
			j := newJudge(t)
			g := start(t, j.addr, application(t), variant)
			j.status(200, steer...)
			if got := g.get(t, "/allowed"); got.App == nil || got.App.URI != "/allowed" {
				t.Errorf("allowed: status %d, application saw %+v, want /allowed", got.Status, got.App)
			}
			j.status(403, steer...)
			if got := g.get(t, "/denied"); got.Status != 403 || got.App != nil {
				t.Errorf("denied: status %d, application saw %+v, want 403", got.Status, got.App)
			}
		})
	}
}

// What easgate denies shows a page, or JSON, with the id of the decision; the application's own 403 stays as it is.
func TestDeniedPage(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	j.status(http.StatusForbidden, "X-Eas-Decision-Id", "abc-1", "Set-Cookie", "ended=; Max-Age=0")
	for accept, want := range map[string]string{"text/html": "<p>Reference: abc-1</p>", "application/json": `"decision":"abc-1"`} {
		res, err := client.Do(request(t, g, "/page", accept))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 403 || !strings.Contains(string(text), want) || !strings.HasPrefix(res.Header.Get("Content-Type"), accept) ||
			res.Header.Get("Set-Cookie") == "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", accept, res.StatusCode, res.Header, text)
		}
	}
}

func request(t *testing.T, g *gate, path, accept string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+g.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	return req
}

// What providers call is easgate's, without a question, and nothing of the client's describes it.
func TestOAuthEndpoints(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), nil)
	got := g.get(t, "/oauth/callback?code=x&state=y", "X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.1")
	last := j.last.Load()
	if got.Status != 200 || last.URI != "/oauth/callback?code=x&state=y" || last.Header.Get("X-Forwarded-Proto") != "http" ||
		last.Header.Get("X-Forwarded-For") != "127.0.0.1" || j.asked.Load() != 1 {
		t.Errorf("%d, easgate saw %+v", got.Status, last)
	}
}
