package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/internal/login/logintest"
)

// tokenHandler runs token-handler serve at address; stop ends it.
func tokenHandler(t *testing.T, env ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	c := &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: write, Env: env, Now: time.Now}
	done := make(chan int, 1)
	go func() { done <- run(ctx, c, []string{"token-handler", "serve"}); _ = write.Close() }()
	lines := bufio.NewScanner(read)
	log := ""
	for lines.Scan() {
		log += lines.Text() + "\n"
		if strings.Contains(lines.Text(), `"easgate serves"`) {
			go func() {
				for lines.Scan() {
					t.Log(lines.Text())
				}
			}()
			return func() { cancel(); <-done }
		}
	}
	cancel()
	t.Fatalf("token-handler serve ended with %d:\n%s", <-done, log)
	return nil
}

// A browser logs in, is passed on with its token, survives a restart and new keys, and logs out.
func TestTokenHandler(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	site := "http://" + addr
	provider := logintest.NewProvider(t, time.Now)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s|%s|%s|%s", r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-Forwarded-Host"))
	}))
	defer upstream.Close()
	dir := t.TempDir()
	proxies := filepath.Join(dir, "proxy.yaml")
	text := "proxies:\n- {endpoint: /proxy, target: '" + upstream.URL + "/base'}\n- {endpoint: /down, target: 'http://127.0.0.1:1'}\n"
	if err := os.WriteFile(proxies, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := func(c string, n int) string { return strings.Repeat(c, n) }
	env := func(more ...string) []string {
		return append([]string{
			"LISTEN_ADDR=" + addr, "OIDC_ISSUER=" + provider.URL, "OIDC_CLIENT_ID=gate", "OIDC_CLIENT_SECRET=s3cret",
			"OIDC_REDIRECT_URL=" + site + "/callback", "OIDC_POST_LOGIN_REDIRECT_URL=https://spa.example.com/in",
			"OIDC_POST_LOGOUT_REDIRECT_URL=https://spa.example.com/out", "DB_NAME=" + filepath.Join(dir, "s.db"), "PROXY_CONFIG=" + proxies,
		}, more...)
	}
	stop := tokenHandler(t, env("SESSION_AUTH_SECRET="+key("a", 32), "SESSION_ENC_SECRET="+key("e", 16))...)
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address string, header ...string) (int, string, http.Header) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodGet, address, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body), res.Header
	}
	failure := func(path string, want int) {
		t.Helper()
		status, body, h := get(site + path)
		var e struct {
			Code                       int
			Status, Message, Timestamp string
		}
		if status != want || json.Unmarshal([]byte(body), &e) != nil || e.Code != want || e.Message == "" || e.Timestamp == "" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Location") != "" {
			t.Errorf("%s = %d %s %v, want a failure %d", path, status, body, h, want)
		}
	}
	loggedIn := func(when string) {
		t.Helper()
		if status, body, _ := get(site + "/userinfo"); status != 200 || !strings.Contains(body, `"sub":"alice"`) {
			t.Errorf("%s: userinfo = %d %s", when, status, body)
		}
	}
	failure("/userinfo", 401)
	failure("/proxy/x", 401)
	failure("/nothing", 404)
	failure("/callback", 400)
	// Scheme and host are those of OIDC_REDIRECT_URL, whatever the request says: over http this one would be refused.
	req, _ := http.NewRequest(http.MethodGet, site+"/login", nil)
	req.Host = "evil.example.com"
	if res, err := client.Do(req); err != nil || res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Header.Get("Location"), provider.URL) {
		t.Errorf("login by another Host: %v %v", res, err)
	}
	_, _, h := get(site+"/login", "Accept", "text/html")
	_, _, h = get(h.Get("Location"))
	back := h.Get("Location")
	status, _, h := get(back)
	if status != 302 || h.Get("Location") != "https://spa.example.com/in" || !strings.Contains(h.Get("Set-Cookie"), "session=") {
		t.Fatalf("callback %s = %d %v", back, status, h)
	}
	loggedIn("after the login")
	if status, body, _ := get(site + "/proxy/a%2Fb?x=1&&y"); status != 200 || !strings.HasPrefix(body, "GET /base/a%2Fb?x=1&&y|Bearer at-") ||
		strings.Contains(body, "session=") {
		t.Errorf("proxied: %d %s", status, body)
	}
	if status, body, _ := get(site+"/proxy/login", "Authorization", "Bearer forged"); status != 200 || !strings.HasPrefix(body, "GET /base/login|Bearer at-") {
		t.Errorf("a path of the upstream's that is named as a page: %d %s", status, body)
	}
	failure("/down", 502)
	failure("/proxyother", 404)
	if _, _, h := get(site+"/userinfo", "Origin", "https://spa.example.com"); h.Get("Access-Control-Allow-Origin") != "https://spa.example.com" {
		t.Errorf("CORS: %v", h)
	}
	for origin, want := range map[string]int{"https://spa.example.com": 200, "https://evil.example.com": 403} {
		req, _ := http.NewRequest(http.MethodPost, site+"/proxy/x", nil)
		req.Header.Set("Origin", origin)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("POST by %s = %d, want %d", origin, res.StatusCode, want)
		}
	}
	stop()
	stop = tokenHandler(t, env("SESSION_AUTH_SECRET="+key("a", 32), "SESSION_ENC_SECRET="+key("e", 16))...)
	loggedIn("after a restart")
	stop()
	stop = tokenHandler(t, env("SESSION_AUTH_SECRET="+key("b", 64), "SESSION_ENC_SECRET="+key("f", 32), "SESSION_DB_KEY="+key("d", 32),
		"SESSION_OLD_AUTH_SECRET="+key("a", 32), "SESSION_OLD_ENC_SECRET="+key("e", 16), "SESSION_OLD_DB_KEY="+key("a", 32))...)
	loggedIn("after new keys")
	_, _, h = get(site+"/logout", "Accept", "text/html")
	u, _ := url.Parse(h.Get("Location"))
	if q := u.Query(); q.Get("post_logout_redirect_uri") != "https://spa.example.com/out" || q.Get("id_token_hint") == "" {
		t.Errorf("logout leads to %s", u)
	}
	failure("/userinfo", 401)
	stop()
}
