package parent_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
)

// with returns what a proxy of profile p sends for https://h/admin, and what a client added to it.
func with(p parent.Profile, header ...string) parent.Input {
	in := describe(p, "https", "h", "/admin")
	for i := 0; i < len(header); i += 2 {
		in.Header.Add(header[i], header[i+1])
	}
	return in
}

// refusedOrAdmin fails unless the request is refused, or at least the client's header changed nothing.
func refusedOrAdmin(t *testing.T, p parent.Profile, in parent.Input) {
	t.Helper()
	got, err := p.Parse(in)
	if err != nil {
		return
	}
	if got.URI() != "https://h/admin" || got.URL.Path != "/admin" || got.Method != "GET" {
		t.Errorf("%s.Parse() = %s %s, want /admin or an error", p, got.Method, got.URI())
	}
}

func mustRefuse(t *testing.T, p parent.Profile, in parent.Input, hint string) {
	t.Helper()
	got, err := p.Parse(in)
	if err == nil {
		t.Errorf("%s.Parse() = %s, want an error", p, got.URI())
	} else if !strings.Contains(err.Error(), hint) {
		t.Errorf("%s.Parse() = %v, want the hint %q", p, err, hint)
	}
}

// ATTACKS 1, 2
func TestAttack1And2PathOverride(t *testing.T) {
	for _, name := range []string{"X-Eas-Request-Uri", "X-Original-Url"} {
		for _, p := range checked {
			if p == parent.IngressNginx && name == "X-Original-Url" {
				continue // it is the header that ingress-nginx sets
			}
			refusedOrAdmin(t, p, with(p, name, "https://h/public"))
		}
		mustRefuse(t, parent.Auto, with(parent.Auto, name, "https://h/public"), "proxy=")
	}
	// Behind ingress-nginx, the other family is the forged one.
	in := describe(parent.IngressNginx, "https", "h", "/admin")
	in.Header.Set("X-Forwarded-Proto", "https")
	in.Header.Set("X-Forwarded-Uri", "/public")
	refusedOrAdmin(t, parent.IngressNginx, in)
	mustRefuse(t, parent.Auto, in, "proxy=")
}

// ATTACKS 3, 4
func TestAttack3And4StrippedPaths(t *testing.T) {
	for _, name := range []string{"X-Forwarded-Prefix", "X-Replaced-Path"} {
		for _, p := range checked {
			refusedOrAdmin(t, p, with(p, name, "/public"))
		}
		mustRefuse(t, parent.Auto, with(parent.Auto, name, "/public"), "strip=trust")
	}
	mustRefuse(t, parent.Auto, with(parent.Auto, "X-Replaced-Path", "/public?"), "strip=trust")
}

// ATTACKS 5
func TestAttack5UntrustedPeer(t *testing.T) {
	trusted := parent.DefaultTrusted()
	for _, a := range []string{"8.8.8.8", "2001:db8::1", "172.32.0.1", "100.128.0.1", "169.254.169.254"} {
		if trusted.Contains(netip.MustParseAddr(a)) {
			t.Errorf("DefaultTrusted contains %s", a)
		}
	}
}

// ATTACKS 6
func TestAttack6Underscores(t *testing.T) {
	for _, p := range fourHeaders {
		in := with(p)
		in.Header["X_Forwarded_Uri"] = []string{"/public"}
		refusedOrAdmin(t, p, in)
		in.Header.Del("X-Forwarded-Uri")
		mustRefuse(t, p, in, "X-Forwarded-Uri: missing")
	}
}

// ATTACKS 7
func TestAttack7DoubledHeaders(t *testing.T) {
	for _, p := range fourHeaders {
		mustRefuse(t, p, with(p, "X-Forwarded-Uri", "/public"), "twice")
		mustRefuse(t, p, with(p, "X-Forwarded-Host", "evil"), "twice")
		mustRefuse(t, p, with(p, "X-Forwarded-Proto", "http"), "twice")
		mustRefuse(t, p, with(p, "X-Forwarded-Method", "POST"), "twice")
		if _, err := p.Parse(with(p, "X-Forwarded-Uri", "/admin")); err != nil {
			t.Errorf("%s.Parse() with the same URI twice = %v", p, err)
		}
	}
	mustRefuse(t, parent.IngressNginx, with(parent.IngressNginx, "X-Original-Url", "https://h/public"), "twice")
	mustRefuse(t, parent.IngressNginx, with(parent.IngressNginx, "X-Original-Method", "POST"), "twice")
	mustRefuse(t, parent.Envoy, with(parent.Envoy, "X-Forwarded-Proto", "http"), "twice")
	for _, name := range []string{"X-Eas-Request-Uri", "X-Original-Url", "X-Replaced-Path", "X-Forwarded-Prefix"} {
		mustRefuse(t, parent.Auto, with(parent.Auto, name, "https://h/admin", name, "https://h/public"), name)
	}
}

// ATTACKS 8
func TestAttack8Forwarded(t *testing.T) {
	for _, p := range checked {
		in := with(p, "Forwarded", "host=x;proto=http;for=1.2.3.4")
		refusedOrAdmin(t, p, in)
		if _, err := p.Parse(in); err != nil {
			t.Errorf("%s.Parse() = %v, want Forwarded ignored", p, err)
		}
	}
}

// ATTACKS 9
func TestAttack9ForgedProtoOrPort(t *testing.T) {
	for _, p := range fourHeaders {
		in := with(p, "X-Forwarded-Port", "1")
		in.Header.Set("X-Forwarded-Proto", "http")
		got, err := p.Parse(in)
		if err != nil || got.URL.Path != "/admin" || got.URL.Host != "h" {
			t.Errorf("%s.Parse() = %v, %v, want path /admin of host h", p, &got.URL, err)
		}
	}
}

// ATTACKS 12, 13
func TestAttack12And13PathStaysItself(t *testing.T) {
	for _, p := range checked {
		for uri, want := range map[string]string{"/admin?x=/public": "/admin", "/admin%23/public": "/admin#/public"} {
			got, err := p.Parse(describe(p, "https", "h", uri))
			if err != nil || got.URL.Path != want {
				t.Errorf("%s.Parse(%s) = %v, %v, want path %s", p, uri, &got.URL, err, want)
			}
		}
	}
}

// ATTACKS 68: blanks and dots at the end of a segment, which some servers drop.
func TestAttack68TrailingBlanksAndDots(t *testing.T) {
	for _, p := range checked {
		for _, uri := range []string{
			"/public/..%20/admin", "/public/..%2520/admin", "/admin.", "/admin./x", "/admin%2e", "/admin%2e/", "/admin%20", "/admin%20/x",
			"/admin.%20", "/.../admin", "/admin.;x=1/a", "/admin%20%5Cx", "/admin%2E%3Bx",
		} {
			mustRefuse(t, p, describe(p, "https", "h", uri), "")
		}
		for _, uri := range []string{"/a.b/c", "/.well-known/x", "/a%20b/c", "/a;v=1.", "/a/b..c", "/a?b=."} {
			if _, err := p.Parse(describe(p, "https", "h", uri)); err != nil {
				t.Errorf("%s.Parse(%s) = %v", p, uri, err)
			}
		}
	}
}

// ATTACKS 68: what servers take for the same path is the same to the rules of native tokens.
func TestAttack68CanonicalPath(t *testing.T) {
	for sent, want := range map[string]string{
		"/%40admin/x":           "/@admin/x",
		"/v1/things%3Adelete":   "/v1/things:delete",
		"/v1/things%3adelete":   "/v1/things:delete",
		"/%24%2C%21%26%27":      "/$,!&'",
		"/%28%29%2A%2B%3B%3D":   "/()*+;=",
		"/%61dm%69n":            "/admin",
		"/%7euser/%2d%5f":       "/~user/-_",
		"/a%2fb%5c%25%00%3f%23": "/a%2Fb%5C%25%00%3F%23",
		"/%e6%97%a5/日|":         "/%E6%97%A5/%E6%97%A5%7C",
		"/a%20b/@:$,":           "/a%20b/@:$,",
		"/%2540admin":           "/%2540admin",
		"/plain":                "/plain",
	} {
		info := parent.Info("GET", "https://h"+sent+"?x=%40", true)
		if got := pathOf(info); got != want {
			t.Errorf("path of %s: %s, want %s", sent, got, want)
		}
		parsed, _ := info.Get("parsedUri")
		if raw, _ := parsed.(*query.Object).Get("rawPath"); raw != query.Latin1(sent) {
			t.Errorf("rawPath of %s: %v", sent, raw)
		}
		old, _ := parent.Info("GET", "https://h"+sent, false).Get("parsedUri")
		if _, there := old.(*query.Object).Get("rawPath"); there {
			t.Error("tokens of external-auth-server see rawPath")
		}
	}
}

func TestAutoAcceptsFamiliesThatAgree(t *testing.T) {
	tests := []struct {
		name   string
		in     parent.Input
		method string
	}{
		{"X-Original-URL as well", with(parent.Auto, "X-Original-Url", "https://h/admin", "X-Original-Method", "GET"), "GET"},
		{"X-Eas-Request-Uri as well", with(parent.Auto, "X-Eas-Request-Uri", "HTTPS://H/admin"), "GET"},
		{"ingress-nginx", describe(parent.IngressNginx, "https", "h", "/admin"), "GET"},
		{"envoy", describe(parent.Envoy, "https", "h", "/admin"), "GET"},
		{"a prefix that changes nothing", with(parent.Auto, "X-Forwarded-Prefix", "/"), "GET"},
		{"a path that was not replaced", with(parent.Auto, "X-Replaced-Path", "/admin"), "GET"},
		{"no method", parent.Input{Header: http.Header{"X-Original-Url": {"https://h/admin"}}}, ""},
		{"Host for X-Forwarded-Host", parent.Input{Host: "h", Header: http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Uri": {"/admin"}}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parent.Auto.Parse(tt.in)
			if err != nil || got.URI() != "https://h/admin" || got.Method != tt.method {
				t.Errorf("Parse() = %q %s, %v, want %q https://h/admin", got.Method, got.URI(), err, tt.method)
			}
		})
	}
}

func TestAutoRefusesContradictions(t *testing.T) {
	mustRefuse(t, parent.Auto, with(parent.Auto, "X-Original-Method", "POST"), "proxy=")
	mustRefuse(t, parent.Auto, with(parent.Auto, "X-Original-Url", "https://other/admin"), "proxy=")
	mustRefuse(t, parent.Auto, with(parent.Auto, "X-Original-Url", "http://h/admin"), "proxy=")
	envoy := func(name, value string) parent.Input {
		in := describe(parent.Envoy, "https", "h", "/admin")
		in.Header.Set(name, value)
		return in
	}
	mustRefuse(t, parent.Auto, envoy("X-Forwarded-Host", "public.example"), "proxy=envoy")
	mustRefuse(t, parent.Auto, envoy("X-Eas-Request-Uri", "https://h/public"), "proxy=envoy")
	mustRefuse(t, parent.Auto, envoy("X-Original-Url", "https://h/public"), "proxy=envoy")
}

func TestStripTrust(t *testing.T) {
	tests := []struct{ name, replaced, prefix, uri, want string }{
		{"replaced path", "/demo/test", "", "/test?x=1", "https://h/demo/test?x=1"},
		{"prefix", "", "/demo", "/test?x=1", "https://h/demo/test?x=1"},
		{"prefix with a slash", "", "/demo/", "/test", "https://h/demo/test"},
		{"neither", "", "", "/test", ""},
		// The route sets one of them; the other is the client's.
		{"both", "/demo/test", "/demo", "/test", ""},
		{"dot segment in the prefix", "", "/public/..", "/admin", ""},
		{"query in the prefix", "", "/public?", "/admin", ""},
		{"query in the replaced path", "/public?", "", "/admin", ""},
		{"relative prefix", "", "@evil", "/admin", ""},
		{"relative uri", "", "/demo", "admin", ""},
		{"dots that the parts make together", "", "/public/.", "/admin", ""},
	}
	for _, p := range fourHeaders {
		for _, tt := range tests {
			t.Run(p.String()+"/"+tt.name, func(t *testing.T) {
				in := describe(p, "https", "h", tt.uri)
				in.TrustStrip = true
				if tt.replaced != "" {
					in.Header.Set("X-Replaced-Path", tt.replaced)
				}
				if tt.prefix != "" {
					in.Header.Set("X-Forwarded-Prefix", tt.prefix)
				}
				got, err := p.Parse(in)
				if tt.want == "" {
					if err == nil {
						t.Errorf("Parse() = %s, want an error", got.URI())
					}
				} else if err != nil || got.URI() != tt.want {
					t.Errorf("Parse() = %s, %v, want %s", got.URI(), err, tt.want)
				}
			})
		}
	}
}

// ATTACKS 64: errors reach the log, and with them what a client wrote: a part of it, escaped. A query may hold tokens, and
// what stands before an '@' passwords.
func TestErrorsShowLittle(t *testing.T) {
	const secret = "s3cret"
	for _, p := range checked {
		for _, in := range []parent.Input{
			describe(p, "https", "h?"+secret, "/"),
			describe(p, "https", "alice:"+secret+"@h ", "/"),
			describe(p, "https", "h", "/a/../?token="+secret),
			describe(p, "https", "h", "/\n#"+secret),
			describe(p, "https", "h", "/"+strings.Repeat("\n", 100)+secret),
			describe(p, strings.Repeat("x", 100)+secret, "h", "/"),
		} {
			_, err := p.Parse(in)
			if err == nil || strings.Contains(err.Error(), secret) || strings.ContainsFunc(err.Error(), unicode.IsControl) || len(err.Error()) > 500 {
				t.Errorf("%s.Parse() = %v, want an error that shows little", p, err)
			}
		}
	}
}

// What is refused is shown, and where two proxies wrote a header, the setting of the one that asks.
func TestRefusedHeadersAreShown(t *testing.T) {
	for _, tt := range []struct {
		profile           parent.Profile
		proto, host, path string
		want              []string
	}{
		{parent.Nginx, "https,http", "h", "/", []string{`X-Forwarded-Proto: "https,http": not http, https`, "proxy_set_header X-Forwarded-Proto $scheme"}},
		{parent.HAProxy, "https, https", "h", "/", []string{`"https, https"`, "http-request set-header instead of add-header"}},
		{parent.Traefik, "https", "a.example, b.example", "/", []string{`X-Forwarded-Host: "a.example, b.example"`, "forwardedHeaders.trustedIPs"}},
		{parent.Caddy, "https,http", "h", "/", []string{"header_up X-Forwarded-Proto {scheme}"}},
		{parent.Envoy, "https,http", "h", "/", []string{"use_remote_address"}},
		{parent.Auto, "https,http", "h", "/", []string{"RequestHeader set instead of append"}},
		{parent.IngressNginx, "https", "h", "/@scope/%zz", []string{`X-Original-Url: "/@scope/%zz": has`}},
		{parent.Nginx, "https", "alice:secret@h", "/", []string{`X-Forwarded-Host: "h": not a host`}},
		{parent.IngressNginx, "https", "alice:secret@h ", "/", []string{`X-Original-Url: "h ": not a host`}},
		{parent.Nginx, "ftp", "h", "/", []string{`X-Forwarded-Proto: "ftp": not http`}},
		{parent.Nginx, "https", "h", "/a b", []string{`X-Forwarded-Uri: "/a b": has a control byte`}},
		{parent.Nginx, "https", "h", "/%zz/\x1b", []string{`X-Forwarded-Uri: "/%zz/\x1b": has`}},
	} {
		_, err := tt.profile.Parse(describe(tt.profile, tt.proto, tt.host, tt.path))
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s.Parse(%s, %s, %s) = %v, want %s", tt.profile, tt.proto, tt.host, tt.path, err, want)
			}
		}
	}
	in := describe(parent.Nginx, "https", "h", "/")
	in.Header.Add("X-Forwarded-Proto", "http")
	if _, err := parent.Nginx.Parse(in); err == nil || !strings.Contains(err.Error(), `sent twice with different values, "https" and "http": two proxies wrote it`) {
		t.Errorf("Parse(two X-Forwarded-Proto) = %v, want the setting that mends it", err)
	}
}
