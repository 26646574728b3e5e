package pages

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
	"github.com/easgate/easgate/plugins"
)

// paged is a plugin with pages. It allows with cookie session=1, and otherwise sends people to a login.
type paged struct {
	seen *plugins.PageRequest
}

func (p *paged) Verify(_ context.Context, r *plugins.Request) (plugins.Result, error) {
	if r.URL.Query().Get("__eas_oauth_handler__") != "" {
		return plugins.Result{Status: 302, Header: http.Header{"Location": {"/tool/"}}, Cookies: []*http.Cookie{{Name: "session", Value: "1"}}}, nil
	}
	if r.Header.Get("Cookie") == "session=1" {
		res := plugins.Result{Verdict: plugins.Allow, Header: http.Header{"X-Secret": {"upstream"}}, Cookies: []*http.Cookie{{Name: "session", Value: "2"}}}
		res.Identity.Subject = "alice"
		return res, nil
	}
	return plugins.Result{Status: 401, Header: http.Header{"Location": {"https://idp.example/?to=" + url.QueryEscape(r.URL.String())}}}, nil
}

func (p *paged) Pages() []plugins.Page {
	text := func(text string) func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) {
		return func(_ context.Context, r *plugins.PageRequest) (plugins.PageResult, error) {
			p.seen = r
			return plugins.PageResult{Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(text)}, nil
		}
	}
	return []plugins.Page{
		{Path: "/", Serve: text("home")},
		{Path: "/about", Public: true, Serve: text("about")},
		{Path: "/form", Serve: text("form")},
		{Method: "POST", Path: "/form", Serve: text("sent")},
		{Path: "/panic", Public: true, Serve: func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) { panic("s3cret") }},
		{Path: "/down", Public: true, Serve: func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) {
			return plugins.PageResult{}, errors.New("database: down")
		}},
		{Path: "/odd", Public: true, Serve: func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) {
			return plugins.PageResult{Status: 101}, nil
		}},
	}
}

func newSite(t *testing.T) (*Site, *verifytest.Fixture, *paged) {
	t.Helper()
	f, p := verifytest.New(t, nil), &paged{}
	f.Plugins["paged"] = plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) { return p, nil })
	table, err := mount.Parse(json.RawMessage(`[
		{"path": "/tool", "config_token": "{\"eas\":{\"plugins\":[{\"type\":\"paged\"}]}}"},
		{"path": "/broken", "config_token": "garbage"},
		{"host": "htpasswd.example.com", "path": "/", "config_token": "{\"eas\":{\"plugins\":[{\"type\":\"htpasswd\",\"realm\":\"office\",\"htpasswd\":\"alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\"}]}}"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	site, err := New(Config{Verifier: f.Verifier, Mounts: table, Log: f.Config.Log})
	if err != nil {
		t.Fatal(err)
	}
	return site, f, p
}

// get asks for a path as it is written.
func get(method, path string, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.RequestURI, r.Host, r.RemoteAddr = path, "a.example.com", "203.0.113.9:1"
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	for _, f := range change {
		f(r)
	}
	return r
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

var session = header("Cookie", "session=1")

func TestServe(t *testing.T) {
	form := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader(text))
		}
	}
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
		body   string
	}{
		{"public", get("GET", "/tool/about"), 200, "about"},
		{"without a session: the login", get("GET", "/tool/"), 302, ""},
		{"with one", get("GET", "/tool/", session), 200, "home"},
		{"the mount itself", get("GET", "/tool", session), 200, "home"},
		{"another spelling", get("GET", "/tool/%61bout"), 200, "about"},
		{"HEAD", get("HEAD", "/tool/about"), 200, ""},
		{"no page", get("GET", "/tool/nothing", session), 404, "Not Found\n"},
		{"below a page", get("GET", "/tool/about/x", session), 404, "Not Found\n"},
		{"names are case-sensitive", get("GET", "/tool/About"), 404, "Not Found\n"},
		{"wrong method", get("POST", "/tool/about"), 405, "<h1>Not allowed here</h1>"},
		{"no such method at all", get("DELETE", "/tool/form", session), 405, "<h1>Not allowed here</h1>"},
		{"a form", get("POST", "/tool/form", session, form("a=b")), 200, "sent"},
		{"a form that is none", get("POST", "/tool/form", session, form("%zz")), 400, "<h1>Bad request</h1>"},
		{"a large form", get("POST", "/tool/form", session, form(strings.Repeat("x", maxBody+1))), 413, "<h1>Too large</h1>"},
		{"a form without a session", get("POST", "/tool/form", form("a=b")), 302, ""},
		// Cross-site request forgery: another site's form comes with the user's cookies.
		{"a form of our own", get("POST", "/tool/form", session, header("Sec-Fetch-Site", "same-origin")), 200, "sent"},
		{"of another site", get("POST", "/tool/form", session, header("Sec-Fetch-Site", "cross-site")), 403, "<h1>Access denied</h1>"},
		{"of a neighbour", get("POST", "/tool/form", session, header("Sec-Fetch-Site", "same-site")), 403, "<h1>Access denied</h1>"},
		{"of an old browser", get("POST", "/tool/form", session, header("Origin", "http://a.example.com")), 200, "sent"},
		{"of another site in an old browser", get("POST", "/tool/form", session, header("Origin", "https://evil.example")), 403, "<h1>Access denied</h1>"},
		{"a panic", get("GET", "/tool/panic"), 500, "<h1>Not available</h1>"},
		{"a failure", get("GET", "/tool/down"), 503, "<h1>Not available</h1>"},
		{"an answer that is none", get("GET", "/tool/odd"), 503, "<h1>Not available</h1>"},
		{"a mount without a token", get("GET", "/broken/"), 503, "<h1>Not available</h1>"},
		{"a login's own request", get("GET", "/tool/any?__eas_oauth_handler__=authorization_callback"), 302, ""},
		{"at a public page too", get("GET", "/tool/about?__eas_oauth_handler__=authorization_callback"), 302, ""},
		// ATTACKS 10–14: denied before anything is routed.
		{"dot segments", get("GET", "/tool/../tool/about"), 400, "<h1>Bad request</h1>"},
		{"escaped dots", get("GET", "/tool/%2e%2e/tool/about"), 400, "<h1>Bad request</h1>"},
		{"an escaped slash and dots", get("GET", "/public%2f..%2ftool/about"), 400, "<h1>Bad request</h1>"},
		{"a path in the query", get("GET", "/tool/nothing?x=/tool/about"), 404, "Not Found\n"},
		{"a fragment", get("GET", "/tool/nothing#/tool/about"), 400, "<h1>Bad request</h1>"},
		{"a broken escape", get("GET", "/tool/%zz"), 400, "<h1>Bad request</h1>"},
		// Whoever decodes it once more would find the mount.
		{"an escaped slash is no separator", get("GET", "/tool%2Fabout"), 400, "<h1>Bad request</h1>"},
		{"no mount", get("GET", "/tools/about"), 0, ""},
		{"a proxy's form", get("GET", "http://a.example.com/tool/about"), 200, "about"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, f, _ := newSite(t)
			w := httptest.NewRecorder()
			handled := s.Serve(w, tt.r)
			if handled != (tt.status != 0) || handled && (w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) || tt.status < 400 && w.Body.String() != tt.body) {
				t.Fatalf("Serve = %v, %d %q, want %d %q; log:\n%s", handled, w.Code, w.Body, tt.status, tt.body, f.Log)
			}
			if !handled {
				return
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Eas-Decision-Id") == "" {
				t.Errorf("headers %v, want no-store and a decision id", w.Header())
			}
			if strings.Contains(f.Log.String(), "s3cret") {
				t.Errorf("the log shows a panic's value:\n%s", f.Log)
			}
			if tt.status >= 500 && !strings.Contains(f.Log.String(), w.Header().Get("X-Eas-Decision-Id")) {
				t.Errorf("the log does not name the decision %s:\n%s", w.Header().Get("X-Eas-Decision-Id"), f.Log)
			}
		})
	}
}

// What goes to the client of a page: the page, and of the allow its cookies, never the headers for an application.
func TestHeaders(t *testing.T) {
	s, _, p := newSite(t)
	w := httptest.NewRecorder()
	s.Serve(w, get("GET", "/tool/form?q=1", session, header("X-Forwarded-Proto", "https"), header("X-Forwarded-Host", "evil.example")))
	if got := w.Header()["Set-Cookie"]; len(got) != 1 || got[0] != "session=2" || w.Header().Get("X-Secret") != "" {
		t.Errorf("headers %v, want the allow's cookie alone", w.Header())
	}
	if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v, want a policy and nosniff", w.Header())
	}
	// The peer is no proxy: its forwarding headers do not count (ATTACKS 5).
	if p.seen.Base.String() != "http://a.example.com/tool" || p.seen.Identity.Subject != "alice" || p.seen.URL.Query().Get("q") != "1" ||
		p.seen.ClientIP.String() != "203.0.113.9" || p.seen.DecisionID != w.Header().Get("X-Eas-Decision-Id") {
		t.Errorf("the page saw %+v, base %v", p.seen, p.seen.Base)
	}

	behind := func(r *http.Request) { r.RemoteAddr = "127.0.0.1:1" }
	s.Serve(httptest.NewRecorder(), get("GET", "/tool/form", session, behind, header("X-Forwarded-Proto", "https"),
		header("X-Forwarded-Host", "b.example.com"), header("X-Forwarded-For", "198.51.100.1")))
	if p.seen.Base.String() != "https://b.example.com/tool" || p.seen.ClientIP.String() != "198.51.100.1" {
		t.Errorf("behind a proxy the base is %v, client %v", p.seen.Base, p.seen.ClientIP)
	}

	w = httptest.NewRecorder()
	s.Serve(w, get("GET", "/tool/", header("X-Forwarded-Host", "evil.example")))
	if got, want := w.Header().Get("Location"), "https://idp.example/?to="+url.QueryEscape("http://a.example.com/tool/"); got != want {
		t.Errorf("the login is at %q, want %q", got, want)
	}
	w = httptest.NewRecorder()
	s.Serve(w, get("DELETE", "/tool/form", session))
	if got := w.Header().Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q, want GET, HEAD, POST", got)
	}
}

func TestWhoami(t *testing.T) {
	s, _, _ := newSite(t)
	ask := func(user, password string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Serve(w, get("GET", "/whoami", func(r *http.Request) {
			r.Host = "HTPASSWD.example.com:8443"
			if user != "" {
				r.SetBasicAuth(user, password)
			}
		}, header("Origin", "https://evil.example")))
		return w
	}
	w := ask("alice", "password")
	if got, want := w.Body.String(), `{"subject":"alice","name":"alice","realm":"office","provider":"htpasswd"}`+"\n"; w.Code != 200 || got != want {
		t.Errorf("whoami = %d %s, want %s", w.Code, got, want)
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v, want JSON that nobody stores and no other origin reads", h)
	}
	for _, w := range []*httptest.ResponseRecorder{ask("", ""), ask("alice", "guess")} {
		if w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") || strings.Contains(w.Body.String(), "alice") {
			t.Errorf("without a password: %d %v %s, want a challenge", w.Code, w.Header(), w.Body)
		}
	}
}

func TestCheck(t *testing.T) {
	s, _, _ := newSite(t)
	problems := s.Check(t.Context())
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "mount */broken: ") || strings.Contains(problems[0].Error(), "garbage") {
		t.Errorf("Check = %v, want the broken one", problems)
	}
}
