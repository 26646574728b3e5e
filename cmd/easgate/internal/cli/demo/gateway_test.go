package demo

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// gatewayWith returns a gateway before an application that says how it was called. Its easgate lets everybody into
// /open/, as nobody, and alice into /private/.
func gatewayWith(t *testing.T) (addr string) {
	t.Helper()
	verify := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private := strings.HasPrefix(r.Header.Get("X-Forwarded-Uri"), "/private/")
		if asked := r.URL.Query().Get("route") == "private"; asked != private {
			t.Errorf("the route is private: %v, and the path is %s", asked, r.Header.Get("X-Forwarded-Uri"))
		}
		switch {
		case !private:
		case r.Header.Get("Authorization") == "alice":
			w.Header().Set("X-Auth-User", "alice")
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(verify.Close)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.Header().Set("X-Query", r.URL.RawQuery)
		w.Header()["X-User"] = r.Header["X-Auth-User"]
		w.Header()["X-Method"] = append(r.Header["X-Forwarded-Method"], r.Header["X-Original-Url"]...)
	}))
	t.Cleanup(app.Close)
	upstream, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	routes := []Route{{Prefix: "/", Verify: verify.URL + "/?route=open"}, {Prefix: "/private/", Verify: verify.URL + "/?route=private"}}
	g := httptest.NewServer(newGateway(routes, upstream, slog.New(slog.DiscardHandler)))
	t.Cleanup(g.Close)
	return g.Listener.Addr().String()
}

func TestGateway(t *testing.T) {
	addr := gatewayWith(t)
	tests := []struct {
		name, target, headers string
		status                int
		path, user            string
	}{
		{"open", "/page?a=%zz;b", "", 200, "/page", ""},
		{"private", "/private/", "", 401, "", ""},
		{"alice", "/private/x", "Authorization: alice\r\n", 200, "/private/x", "alice"},
		{"an escaped letter", "/%70rivate/", "", 401, "", ""},
		{"an escaped slash", "/private%2Fx", "", 401, "", ""},
		{"alice, escaped", "/%70rivate%2fx", "Authorization: alice\r\n", 200, "/private/x", "alice"},
		{"twice escaped is another name", "/%2570rivate/", "", 200, "/%70rivate/", ""},
		{"a path that is written otherwise by default", "/it's(a)*", "", 200, "/it's(a)*", ""},
		{"dot segments", "/open/../private/", "", 404, "", ""},
		{"escaped dot segments", "/open%2f%2e%2e%2fprivate/", "", 404, "", ""},
		{"doubled slashes", "//private/", "", 404, "", ""},
		{"a backslash", "/open%5c..%5cprivate/", "", 404, "", ""},
		{"a hidden folder", "/.well-known/x", "", 200, "/.well-known/x", ""},
		{"a forged user", "/page", "X-Auth-User: alice\r\n", 200, "/page", ""},
		{"Connection strips no identity", "/private/x", "Authorization: alice\r\nConnection: X-Auth-User\r\nX-Auth-User: bob\r\n", 200, "/private/x", "alice"},
		{"nor its absence", "/page", "Connection: x-auth-user, close\r\nX-Auth-User: bob\r\n", 200, "/page", ""},
		{"nor what easgate is told", "/private/x", "Connection: X-Forwarded-Uri\r\nX-Forwarded-Uri: /page\r\nX-Forwarded-Method: PUT\r\nX-Original-Url: /page\r\n", 401, "", ""},
		{"nor does the application see it", "/page", "X-Forwarded-Method: PUT\r\nX-Original-Url: /private\r\n", 200, "/page", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "GET "+tt.target+" HTTP/1.1\r\nHost: app\r\n"+tt.headers+"\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || res.Header.Get("X-Path") != tt.path {
				t.Errorf("%d at %q, want %d at %q", res.StatusCode, res.Header.Get("X-Path"), tt.status, tt.path)
			}
			if tt.status != 200 {
				return
			}
			if user := res.Header["X-User"]; len(user) != 1 || user[0] != tt.user {
				t.Errorf("the application was called as %q, want %q once", user, tt.user)
			}
			if m := res.Header["X-Method"]; len(m) > 0 {
				t.Errorf("the application saw %q of the client's", m)
			}
			if _, query, _ := strings.Cut(tt.target, "?"); res.Header.Get("X-Query") != query {
				t.Errorf("query %q, want %q", res.Header.Get("X-Query"), query)
			}
		})
	}
}
