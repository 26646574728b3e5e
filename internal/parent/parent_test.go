package parent_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/parent"
)

var checked = []parent.Profile{
	parent.Auto, parent.Nginx, parent.IngressNginx, parent.Traefik, parent.Caddy, parent.HAProxy, parent.Envoy,
}

var fourHeaders = []parent.Profile{parent.Auto, parent.Nginx, parent.Traefik, parent.Caddy, parent.HAProxy}

// describe is what a well-configured proxy of profile p sends for GET scheme://host+uri.
func describe(p parent.Profile, scheme, host, uri string) parent.Input {
	in := parent.Input{Header: http.Header{}, Host: "auth.internal", Method: "GET"}
	switch p {
	case parent.IngressNginx:
		in.Header.Set("X-Original-URL", scheme+"://"+host+uri)
		in.Header.Set("X-Original-Method", "GET")
	case parent.Envoy:
		in.Host, in.Suffix = host, uri
		in.Header.Set("X-Forwarded-Proto", scheme)
	default:
		in.Header.Set("X-Forwarded-Proto", scheme)
		in.Header.Set("X-Forwarded-Host", host)
		in.Header.Set("X-Forwarded-Uri", uri)
		in.Header.Set("X-Forwarded-Method", "GET")
	}
	return in
}

func TestParseWhatProxiesSend(t *testing.T) {
	tests := []struct {
		name, scheme, host, uri string
		want, path, query       string
	}{
		{"plain", "https", "app.example.com", "/a/b?x=1", "https://app.example.com/a/b?x=1", "/a/b", "x=1"},
		{"root", "http", "localhost", "/", "http://localhost/", "/", ""},
		{"port", "https", "app.example.com:8443", "/x", "https://app.example.com:8443/x", "/x", ""},
		{"ipv4", "http", "192.0.2.1:80", "/", "http://192.0.2.1:80/", "/", ""},
		{"ipv6", "http", "[2001:DB8::1]:8080", "/", "http://[2001:db8::1]:8080/", "/", ""},
		{"host in upper case", "HTTPS", "App.Example.COM", "/X", "https://app.example.com/X", "/X", ""},
		{"underscore in host", "https", "my_app.internal", "/", "https://my_app.internal/", "/", ""},
		{"websocket", "wss", "app", "/ws", "wss://app/ws", "/ws", ""},
		{"encoded slash", "https", "h", "/api/v4/projects/group%2Fproject", "https://h/api/v4/projects/group%2Fproject", "/api/v4/projects/group/project", ""},
		{"scoped package", "https", "h", "/@scope%2fname", "https://h/@scope%2fname", "/@scope/name", ""},
		{"two dots in a name", "https", "h", "/a/b..c", "https://h/a/b..c", "/a/b..c", ""},
		{"names that start with dots", "https", "h", "/.well-known/..x", "https://h/.well-known/..x", "/.well-known/..x", ""},
		{"unicode", "https", "h", "/%E6%97%A5?x=%2e%2e", "https://h/%E6%97%A5?x=%2e%2e", "/日", "x=%2e%2e"},
		{"raw unicode", "https", "h", "/日", "https://h/日", "/日", ""},
		{"encoded hash", "https", "h", "/public/C%23/x", "https://h/public/C%23/x", "/public/C#/x", ""},
		{"path parameter", "https", "h", "/public/a;v=1", "https://h/public/a;v=1", "/public/a;v=1", ""},
		{"encoded percent sign", "https", "h", "/100%25/x", "https://h/100%25/x", "/100%/x", ""},
		{"doubly encoded slash", "https", "h", "/a%252fb", "https://h/a%252fb", "/a%2fb", ""},
		{"dots in the query", "https", "h", "/a?next=/../b", "https://h/a?next=/../b", "/a", "next=/../b"},
		{"sloppy query", "https", "h", `/a?x=100%&y=\{|}`, `https://h/a?x=100%&y=\{|}`, "/a", `x=100%&y=\{|}`},
		{"empty query", "https", "h", "/a?", "https://h/a?", "/a", ""},
		{"two slashes", "https", "h", "//x//y", "https://h//x//y", "//x//y", ""},
	}
	for _, p := range checked {
		for _, tt := range tests {
			t.Run(p.String()+"/"+tt.name, func(t *testing.T) {
				got, err := p.Parse(describe(p, tt.scheme, tt.host, tt.uri))
				if err != nil {
					t.Fatalf("Parse() = %v", err)
				}
				if got.Method != "GET" || got.URI() != tt.want || got.URL.Path != tt.path || got.URL.RawQuery != tt.query {
					t.Errorf("Parse() = %q %q path %q query %q, want %q path %q query %q",
						got.Method, got.URI(), got.URL.Path, got.URL.RawQuery, tt.want, tt.path, tt.query)
				}
				if u := got.URL.String(); tt.path != "/日" && !strings.Contains(tt.query, "|") && u != tt.want {
					t.Errorf("URL = %s, want %s", u, tt.want)
				}
			})
		}
	}
}

func TestParseRefusesMalformedParts(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct{ name, scheme, host, uri string }{
		// ATTACKS 10
		{"dot segments", "https", "h", "/public/../admin"},
		{"dot segments at the end", "https", "h", "/public/.."},
		{"one dot", "https", "h", "/./admin"},
		{"encoded dots", "https", "h", "/public/%2e%2e/admin"},
		{"one encoded dot", "https", "h", "/public/.%2E/admin"},
		// ATTACKS 11
		{"encoded slashes around dots", "https", "h", "/public%2f..%2fadmin"},
		{"encoded slash after dots", "https", "h", "/public/..%2fadmin"},
		{"backslash", "https", "h", `/public/..\admin`},
		{"encoded backslash", "https", "h", "/public/..%5cadmin"},
		{"encoded backslashes", "https", "h", "/public%5C%2E%2E%5Cadmin"},
		// Upstreams that decode twice, that cut off parameters (Tomcat), that take overlong UTF-8.
		{"doubly encoded dots", "https", "h", "/public/%252e%252e/admin"},
		{"doubly encoded slash", "https", "h", "/public/..%252fadmin"},
		{"endlessly encoded", "https", "h", "/public/%25252525252e"},
		{"parameter after dots", "https", "h", "/public/..;x=1/admin"},
		{"overlong dot", "https", "h", "/public/%c0%ae%c0%ae/admin"},
		{"overlong slash", "https", "h", "/public%e0%80%af.."},
		{"raw overlong slash", "https", "h", "/public\xc0\xaf..\xc0\xafadmin"},
		{"long overlong slash", "https", "h", "/public%f0%80%80%af.."},
		// ATTACKS 13
		{"fragment", "https", "h", "/admin#/public"},
		{"fragment in the query", "https", "h", "/admin?x#/public"},
		// ATTACKS 14
		{"broken escape", "https", "h", "/%zz"},
		{"cut escape", "https", "h", "/a%2"},
		{"control byte", "https", "h", "/a\x01"},
		{"encoded NUL", "https", "h", "/a%00.png"},
		{"encoded newline", "https", "h", "/admin%0a"},
		{"tab in the query", "https", "h", "/a?\t"},
		{"space", "https", "h", "/a b"},
		{"DEL", "https", "h", "/a\x7f"},
		// ATTACKS 58
		{"path in the host", "https", "a/public?", "/admin"},
		{"fragment in the host", "https", "a/public#", "/admin"},
		{"userinfo in the host", "https", "a@b", "/admin"},
		{"userinfo and fragment in the host", "https", "a@b/public#", "/admin"},
		{"query in the host", "https", "a?", "/admin"},
		{"backslash in the host", "https", `a\b`, "/admin"},
		{"uri without a slash", "https", "h", "@evil/public"},
		{"relative uri", "https", "h", "public"},
		{"absolute uri", "https", "h", "http://abs.example/public"},
		{"asterisk", "https", "h", "*"},
		{"query alone", "https", "h", "?x=1"},
		{"two hosts", "https", "a.example, b.example", "/"},
		{"two hosts without space", "https", "a.example,b.example", "/"},
		{"host with a trailing dot", "https", "admin.example.com.", "/"},
		{"host with an empty label", "https", "a..b", "/"},
		{"host with an escape", "https", "a%2eb", "/"},
		{"host beyond ASCII", "https", "é.example", "/"},
		{"host too long", "https", long, "/"},
		{"port alone", "https", ":80", "/"},
		{"empty port", "https", "h:", "/"},
		{"port too large", "https", "h:65536", "/"},
		{"port zero", "https", "h:0", "/"},
		{"no port", "https", "h:x", "/"},
		{"two ports", "https", "h:80:80", "/"},
		{"bracket left open", "https", "[::1", "/"},
		{"text after the bracket", "https", "[::1]x", "/"},
		{"no address in brackets", "https", "[zz]", "/"},
		{"zone", "https", "[fe80::1%25eth0]", "/"},
		{"other scheme", "ftp", "h", "/"},
		{"javascript", "javascript", "h", "/"},
		{"two schemes", "https,http", "h", "/"},
		{"empty scheme", "", "h", "/"},
		{"empty host", "https", "", "/"},
		{"empty uri", "https", "h", ""},
	}
	for _, p := range checked {
		for _, tt := range tests {
			if p == parent.IngressNginx && tt.name == "path in the host" {
				continue // ingress-nginx glues the URL itself, and refuses such a Host
			}
			t.Run(p.String()+"/"+tt.name, func(t *testing.T) {
				in := describe(p, tt.scheme, tt.host, tt.uri)
				if tt.host == "" && p == parent.Auto {
					in.Host = "" // else it stands in, as in external-auth-server
				}
				got, err := p.Parse(in)
				if err == nil {
					t.Fatalf("Parse() = %s, want an error", got.URI())
				}
				if !strings.HasPrefix(err.Error(), "parent request: ") {
					t.Errorf("Parse() = %v", err)
				}
			})
		}
	}
}

func TestParseRefusesMalformedMethods(t *testing.T) {
	for _, m := range []string{"GET POST", "G/T", "", "\x01", "é", strings.Repeat("A", 33)} {
		for _, p := range checked {
			in := describe(p, "https", "h", "/")
			in.Method = m
			for _, name := range []string{"X-Forwarded-Method", "X-Original-Method"} {
				if in.Header.Get(name) != "" {
					in.Header.Set(name, m)
				}
			}
			if p == parent.Auto && m == "" {
				continue // may be missing there
			}
			if _, err := p.Parse(in); err == nil {
				t.Errorf("%s.Parse(method %q) = nil, want an error", p, m)
			}
		}
	}
}

func TestParseRefusesMissingHeaders(t *testing.T) {
	tests := []struct {
		profile parent.Profile
		header  string
	}{
		{parent.Auto, "X-Forwarded-Proto"},
		{parent.Auto, "X-Forwarded-Uri"},
		{parent.EAS, "X-Forwarded-Proto"},
		{parent.EAS, "X-Forwarded-Uri"},
		{parent.IngressNginx, "X-Original-Url"},
		{parent.IngressNginx, "X-Original-Method"},
		{parent.Envoy, "X-Forwarded-Proto"},
	}
	for _, p := range []parent.Profile{parent.Nginx, parent.Traefik, parent.Caddy, parent.HAProxy} {
		for _, h := range []string{"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Method"} {
			tests = append(tests, struct {
				profile parent.Profile
				header  string
			}{p, h})
		}
	}
	for _, tt := range tests {
		t.Run(tt.profile.String()+"/"+tt.header, func(t *testing.T) {
			in := describe(tt.profile, "https", "h", "/x")
			// No other family is tried: what a client adds must not stand in for what the proxy left out.
			if tt.profile != parent.EAS && tt.profile != parent.Auto && tt.header != "X-Original-Url" && tt.profile != parent.IngressNginx {
				in.Header.Set("X-Original-Url", "https://h/public")
				in.Header.Set("X-Eas-Request-Uri", "https://h/public")
				in.Header.Set("X-Original-Method", "GET")
			}
			in.Header.Del(tt.header)
			_, err := tt.profile.Parse(in)
			if err == nil || !strings.Contains(err.Error(), tt.header+": missing") {
				t.Errorf("Parse() = %v, want an error that says that %s is missing", err, tt.header)
			}
		})
	}
	for p := parent.Auto; p <= parent.EAS; p++ {
		if _, err := p.Parse(parent.Input{Header: http.Header{}, Host: "h", Method: "GET"}); err == nil { // ATTACKS 42
			t.Errorf("%s.Parse() of no headers at all = nil, want an error", p)
		}
	}
	if _, err := parent.Profile(99).Parse(describe(parent.Nginx, "https", "h", "/")); err == nil {
		t.Error("Profile(99).Parse() = nil, want an error")
	}
}

func TestProfileNames(t *testing.T) {
	for p := parent.Auto; p <= parent.EAS; p++ {
		if got, ok := parent.ParseProfile(p.String()); !ok || got != p {
			t.Errorf("ParseProfile(%s) = %v, %v", p, got, ok)
		}
	}
	for _, name := range []string{"", "Nginx", "apache", "profile(99)"} {
		if got, ok := parent.ParseProfile(name); ok || got != parent.Auto {
			t.Errorf("ParseProfile(%q) = %v, %v, want none", name, got, ok)
		}
	}
	if got := parent.Profile(99).String(); got != "profile(99)" {
		t.Errorf("Profile(99) = %q", got)
	}
}
