//go:build integration

package nginx_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/internal/server"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/builtin"
	"github.com/easgate/easgate/stores"
)

// claims is a config token in two steps: open without a login where the parent URI matches, or does not match, a
// pattern; alice with her password elsewhere.
func claims(pattern string, negate bool) string {
	rule, _ := json.Marshal(map[string]any{"method": "regex", "value": pattern, "negate": negate})
	return `{"eas":{"plugins":[
		{"type":"noop","pcb":{"skip":[{"query_engine":"jp","query":"$.parentReqInfo.uri","rule":` + string(rule) + `}]}},
		{"type":"htpasswd","realm":"test","htpasswd":"alice:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=",
		 "custom_service_headers":{"X-Auth-Subject":{"source":"static","query":"alice"}}}
	]}}`
}

// alice are her credentials.
var alice = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:pass"))

// easgate runs the real service with one config token, and puts it into the recipe.
func easgate(t *testing.T, claims string) (addr string, more edits) {
	t.Helper()
	addr, tokens := easgateWith(t, claims)
	return addr, edits{"config_token=REPLACE_ME": "config_token=" + tokens[0]}
}

// easgateWith runs the real service with a fresh keyring and returns its address and the config tokens for claims.
func easgateWith(t *testing.T, claims ...string) (addr string, tokens []string) {
	t.Helper()
	return easgateAt(t, "127.0.0.1:0", claims...)
}

// easgateAt is easgateWith at an address.
func easgateAt(t *testing.T, at string, claims ...string) (addr string, tokens []string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ring, err := configtoken.NewKeyring()
	must(err)
	sealer, err := ring.Sealer()
	must(err)
	for _, c := range claims {
		token, err := sealer.Seal(json.RawMessage(c))
		must(err)
		tokens = append(tokens, url.QueryEscape(token))
	}
	opener, err := configtoken.NewOpener(configtoken.Formats{Native: configtoken.NewLive(ring)})
	must(err)
	log := slog.New(slog.DiscardHandler)
	registry := builtin.Registry()
	cache := pipeline.NewCache(pipeline.Config{
		Compiler: &pipeline.Compiler{Plugins: registry, Env: plugins.Env{
			Log: log, Now: time.Now, Query: query.Engines{"jp": jsonpath.New(nil)}, Hashing: credential.NewProcessors(1),
		}},
		URL: opener, Stored: opener,
		Store:   func(string) (stores.Store, bool) { return nil, false },
		Revoked: func(string) bool { return false },
		Log:     log, Now: time.Now,
	})
	t.Cleanup(cache.Close)
	trusted, err := parent.ParseTrusted("loopback")
	must(err)
	srv, err := server.New(server.Config{
		Addr: at, Sockets: listen.Sockets{GID: -1}, Log: log, Now: time.Now,
		Verify: verify.Config{Trusted: trusted, TrustSockets: true, Pipelines: cache, Log: log, Now: time.Now},
		Ready:  func(context.Context) error { return nil },
	})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- srv.Run(ctx, func(a net.Addr) { ready <- a }) }()
	t.Cleanup(stop)
	select {
	case a := <-ready:
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("the service: %v", err)
			}
		})
		return a.String(), tokens
	case err := <-ended:
		t.Fatal(err)
		return "", nil
	}
}

// The same over a unix socket, which the recipe names in one place.
func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "easgate.sock")
	_, tokens := easgateAt(t, "unix:"+path, claims(`/^http:\/\/[^\/]+\/public([\/?]|$)/`, true))
	g := start(t, "unix:"+path, application(t), edits{"config_token=REPLACE_ME": "config_token=" + tokens[0]})
	for uri, want := range map[string]int{"/public/a": 200, "/private": 401} {
		if got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com"); got.Status != want {
			t.Errorf("%s: %d, want %d", uri, got.Status, want)
		}
	}
	if got := g.raw(t, "GET /private HTTP/1.1", "Host: app.example.com", alice); got.App == nil || got.App.Header.Get("X-Auth-Subject") != "alice" {
		t.Errorf("alice: %d, %+v, want her at the application", got.Status, got.App)
	}
}

// Two ways to write the rule that /public is open and /admin needs a login.
var policies = map[string]string{
	"open below public":     claims(`/^http:\/\/[^\/]+\/public([\/?]|$)/`, true),
	"closed at /admin only": claims(`/^http:\/\/[^\/]+\/admin([\/?]|$)/`, false),
}

func TestAttacks(t *testing.T) {
	type attack struct {
		name, uri string
		headers   []string
	}
	attacks := []attack{
		{"ATTACKS 1: X-Eas-Request-Uri", "/admin", []string{"X-Eas-Request-Uri: http://app.example.com/public"}},
		{"ATTACKS 2: X-Original-Url", "/admin", []string{"X-Original-Url: http://app.example.com/public", "X-Original-Method: GET"}},
		{"ATTACKS 2: X-Original-URL", "/admin", []string{"X-Original-URL: http://app.example.com/public"}},
		{"ATTACKS 3: X-Forwarded-Prefix", "/admin", []string{"X-Forwarded-Prefix: /public"}},
		{"ATTACKS 4: X-Replaced-Path", "/admin", []string{"X-Replaced-Path: /public"}},
		{"ATTACKS 5: another address", "/admin", []string{"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Uri: /public"}},
		{"ATTACKS 6: underscores", "/admin", []string{"X_Forwarded_Uri: /public"}},
		{"ATTACKS 7: twice", "/admin", []string{"X-Forwarded-Uri: /public", "X-Forwarded-Uri: /public/x"}},
		{"ATTACKS 7: twice with the right one", "/admin", []string{"X-Forwarded-Uri: /admin", "X-Forwarded-Uri: /public"}},
		{"ATTACKS 8: Forwarded", "/admin", []string{"Forwarded: host=x;proto=https;path=/public"}},
		{"ATTACKS 9: scheme and port", "/admin", []string{"X-Forwarded-Proto: https", "X-Forwarded-Port: 443"}},
		{"ATTACKS 9: host", "/admin", []string{"X-Forwarded-Host: x/public?"}},
		{"ATTACKS 10: dot segments", "/public/../admin", nil},
		{"ATTACKS 10: encoded dots", "/public/%2e%2e/admin", nil},
		{"ATTACKS 10: single dot", "/./admin", nil},
		{"ATTACKS 10: parameters on dots", "/public/..;/admin", nil},
		{"ATTACKS 11: encoded slashes", "/public%2f..%2fadmin", nil},
		{"ATTACKS 11: backslashes", `/public\..\admin`, nil},
		{"ATTACKS 11: encoded backslashes", "/public/..%5cadmin", nil},
		{"ATTACKS 12: query", "/admin?x=/public", nil},
		{"ATTACKS 12: query of a URL", "/admin?http://app.example.com/public", nil},
		{"ATTACKS 13: fragment", "/admin#/public", nil},
		{"ATTACKS 13: encoded fragment", "/admin%23/public", nil},
		{"ATTACKS 13: fragment before a query", "/public#/../admin", nil},
		{"ATTACKS 14: broken escape", "/%zz", nil},
		{"ATTACKS 14: control byte", "/admin\x01", nil},
		{"ATTACKS 14: encoded control byte", "/admin%00/public", nil},
		{"ATTACKS 14: encoded newline", "/admin%0aX-Forwarded-Uri:%20/public", nil},
		{"ATTACKS 54: parameters", "/admin", []string{`X-Eas-Verify-Params: {"config_token":"x"}`}},
		{"doubled slash", "//admin", nil},
		{"encoded letter", "/%61dmin", nil},
		{"encoded digit and letter", "/%61%64%6D%69%6e", nil},
		{"an absolute target without a path", "http://app.example.com?/public", nil},
		{"an absolute target", "http://app.example.com/admin", []string{"X-Forwarded-Uri: /public"}},
	}
	// To the application this is a name that holds "#", and not /admin: only a rule that opens nothing else denies it.
	onlyBelowPublic := map[string]bool{"ATTACKS 13: encoded fragment": true}
	for name, claims := range policies {
		t.Run(name, func(t *testing.T) {
			addr, more := easgate(t, claims)
			g := start(t, addr, application(t), more)
			for _, a := range attacks {
				if name != "open below public" && onlyBelowPublic[a.name] {
					continue
				}
				got := g.raw(t, "GET "+a.uri+" HTTP/1.1", append([]string{"Host: app.example.com"}, a.headers...)...)
				if got.App != nil || got.Status < 400 {
					t.Errorf("%s: GET %s: status %d, application saw %+v, want a denial", a.name, a.uri, got.Status, got.App)
				}
			}
			if got := g.raw(t, "GET /admin?x=1 HTTP/1.1", "Host: app.example.com", alice); got.App == nil || got.App.Header.Get("X-Auth-Subject") != "alice" {
				t.Errorf("alice at /admin: status %d, application saw %+v, want alice", got.Status, got.App)
			}
			if got := g.raw(t, "GET /api/admin HTTP/1.1", "Host: app.example.com"); name == "open below public" && (got.Status != 401 || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Basic ")) {
				t.Errorf("nobody at /api/admin: status %d, headers %v, want 401 with a challenge", got.Status, got.Header)
			}
		})
	}
}

// ATTACKS 68: nginx and applications decode what a rule of a native token sees decoded, and the application gets what
// the client sent.
func TestPathSpellings(t *testing.T) {
	onPath := strings.ReplaceAll(claims(`/^[/](api[/])?@admin([/]|$)|:delete$/`, false), "$.parentReqInfo.uri", "$.parentReqInfo.parsedUri.path")
	addr, more := easgate(t, onPath)
	g := start(t, addr, application(t), more)
	for _, uri := range []string{
		"/@admin/x", "/%40admin/x", "/api/%40admin", "/v1/things%3Adelete", "/api/v1/things%3adelete", "/public/..%20/admin",
		"/@admin./x", "/%40admin%20/x", "/@admin%2E/x", "/api/@admin.",
	} {
		if got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com"); got.App != nil || got.Status < 400 {
			t.Errorf("GET %s: status %d, application saw %+v, want a denial", uri, got.Status, got.App)
		}
		if got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com", alice); !strings.Contains(uri, "dmin.") && !strings.Contains(uri, "%2") &&
			(got.App == nil || got.App.URI != uri) {
			t.Errorf("alice at %s: status %d, application saw %+v, want the same URI", uri, got.Status, got.App)
		}
	}
	for _, uri := range []string{"/%40public/%24x", "/v1/things%3Aget"} {
		if got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com"); got.App == nil || got.App.URI != uri {
			t.Errorf("GET %s: status %d, application saw %+v, want the same URI", uri, got.Status, got.App)
		}
	}
}

// What must pass in spite of all that.
func TestLegitimate(t *testing.T) {
	addr, more := easgate(t, policies["closed at /admin only"])
	g := start(t, addr, application(t), more)
	for _, uri := range []string{
		"/public", "/public/", "/api/v4/projects/group%2Fproject", "/@scope%2fname", "/a/b..c", "/%E6%97%A5?x=%2e%2e",
		"/public/C%23/x", "/public/a;v=1", "/public?next=//x/../admin",
	} {
		for _, host := range []string{"app.example.com", "app.example.com:8443"} {
			got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: "+host)
			if got.Status != 200 || got.App == nil || got.App.URI != uri {
				t.Errorf("GET %s at %s: status %d, application saw %+v, want the same URI", uri, host, got.Status, got.App)
			}
		}
	}
}

// The decision is about the host that nginx routed to, not the one that the client also named (ATTACKS 53).
func TestHostConfusion(t *testing.T) {
	addr, more := easgate(t, claims(`/^http:\/\/public\.example\.com[:\/]/`, true))
	g := start(t, addr, application(t), more)
	for _, tt := range []struct {
		target, host string
		want         int
	}{
		{"/x", "public.example.com", 200},
		{"/x", "admin.example.com", 401},
		{"http://admin.example.com/x", "public.example.com", 401},
		{"http://public.example.com/x", "admin.example.com", 200},
		{"/x", "public.example.com.", 200},
		{"/x", "PUBLIC.example.com", 200},
		// A Host that moves the boundary of a URL glued from strings (ATTACKS 58).
		{"/x", "public.example.com@admin.example.com", 403},
		{"/x", "public.example.com#", 403},
		{"/x", "public.example.com/", 400},
		{"@public.example.com/x", "admin.example.com", 400},
	} {
		got := g.raw(t, "GET "+tt.target+" HTTP/1.1", "Host: "+tt.host)
		if got.Status != tt.want {
			t.Errorf("GET %s, Host %s: status %d, want %d", tt.target, tt.host, got.Status, tt.want)
		}
		if got.App != nil && !strings.HasPrefix(got.App.Host, "public.example.com:") {
			t.Errorf("GET %s, Host %s: the application saw host %s", tt.target, tt.host, got.App.Host)
		}
	}
}

// Who is allowed without a name has none, whatever he says (ATTACKS 55).
func TestForgedIdentity(t *testing.T) {
	addr, more := easgate(t, policies["open below public"])
	g := start(t, addr, application(t), more)
	forged := []string{"Host: app.example.com", "X-Auth-Subject: root", "X-AUTH-SUBJECT: root", "X_Auth_Subject: root", "X-Userinfo: {}", "x-id-token: t"}
	got := g.raw(t, "GET /public HTTP/1.1", forged...)
	if got.App == nil {
		t.Fatalf("status %d, want the application's", got.Status)
	}
	for _, name := range []string{"X-Auth-Subject", "X_auth_subject", "X-Userinfo", "X-Id-Token"} {
		if v := got.App.Header.Get(name); v != "" {
			t.Errorf("%s = %q, want nothing", name, v)
		}
	}
	got = g.raw(t, "GET /admin HTTP/1.1", append(forged, alice)...)
	if got.App == nil || len(got.App.Header["X-Auth-Subject"]) != 1 || got.App.Header.Get("X-Auth-Subject") != "alice" {
		t.Errorf("alice: status %d, application saw %+v, want alice alone", got.Status, got.App)
	}
}

// Two config tokens on one site, as the README shows it: a login by one is none by the other, in both orders, whatever
// is remembered of it (ATTACKS 18).
func TestTwoTokens(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, snippet, _ := strings.Cut(string(readme), "  ```nginx\n")
	snippet, _, ok := strings.Cut(snippet, "  ```\n")
	if !ok {
		t.Fatal("README.md: no nginx snippet")
	}
	const users = `{"eas":{"plugins":[{"type":"htpasswd","realm":"%s","htpasswd":"alice:{SHA}%s"}]}}`
	const pass, other = "nU4eI71bcnBGqeO0t9tXvY1u5oQ=", "Lwn3+bZlp7JhkxxvfOzkqN8mBHo="
	const params = "config_token_store_id=main&config_token_id=admin"
	if !strings.Contains(snippet, params) {
		t.Fatalf("README.md: the snippet does not hold %q", params)
	}
	for _, order := range [][]string{{"/page", "/admin/page"}, {"/admin/page", "/page"}} {
		addr, tokens := easgateWith(t, fmt.Sprintf(users, "open", pass), fmt.Sprintf(users, "admin", other))
		app := application(t)
		g := start(t, addr, app, edits{
			"config_token=REPLACE_ME":  "config_token=" + tokens[0],
			"\n\n    location /api/ {": "\n\n" + strings.NewReplacer(params, "config_token="+tokens[1], "127.0.0.1:3000", app).Replace(snippet) + "    location /api/ {",
		})
		for _, uri := range append(order, order...) {
			want := map[string]int{"/page": 200, "/admin/page": 401}[uri]
			if got := g.raw(t, "GET "+uri+" HTTP/1.1", "Host: app.example.com", alice); got.Status != want {
				t.Errorf("%v: %s: status %d, want %d", order, uri, got.Status, want)
			}
		}
	}
}

// The service's own answers, in the dialect that the recipe asks for.
func TestDialect(t *testing.T) {
	const login = "https://login.example.com/?state=a%2Bb&x=1"
	for _, tt := range []struct {
		name                string
		step                string
		browser, program    int
		location, setCookie string
	}{
		{"allow", `{"type":"noop","status_code":200,"custom_service_headers":{"Set-Cookie":{"source":"static","query":"s=1"}}}`, 200, 200, "", "s=1"},
		{"redirect", `{"type":"noop","status_code":302,"custom_error_headers":{"Location":{"source":"static","query":"` + login + `"},"Set-Cookie":{"source":"static","query":"c=1"}}}`, 302, 401, login, "c=1"},
		{"unauthorized", `{"type":"noop","status_code":401}`, 401, 401, "", ""},
		{"teapot", `{"type":"noop","status_code":418}`, 403, 403, "", ""},
		{"fault", `{"type":"noop","status_code":502}`, 500, 500, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, more := easgate(t, `{"eas":{"plugins":[`+tt.step+`]}}`)
			g := start(t, addr, application(t), more)
			got := g.get(t, "/page", "Host", "app.example.com")
			if got.Status != tt.browser || got.Header.Get("Location") != tt.location || got.Header.Get("Set-Cookie") != tt.setCookie {
				t.Errorf("browser: status %d, Location %q, Set-Cookie %q, want %d, %q, %q",
					got.Status, got.Header.Get("Location"), got.Header.Get("Set-Cookie"), tt.browser, tt.location, tt.setCookie)
			}
			if got := g.get(t, "/api/page", "Host", "app.example.com"); got.Status != tt.program {
				t.Errorf("program: status %d, want %d", got.Status, tt.program)
			}
		})
	}
}

// Nor does the real service pass on what steers nginx, for those who wrote their own configuration.
func TestServiceDoesNotSteer(t *testing.T) {
	addr, more := easgate(t, `{"eas":{"plugins":[{"type":"noop","status_code":403,"custom_error_headers":{"X-Accel-Redirect":{"source":"static","query":"/assets/logo.txt"}}}]}}`)
	more["proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;"] = ""
	g := start(t, addr, application(t), more)
	if got := g.get(t, "/page", "Host", "app.example.com"); got.Status != 403 || got.App != nil {
		t.Errorf("status %d, application saw %+v, want 403", got.Status, got.App)
	}
}
