//go:build integration

package nginx_test

import (
	"maps"
	"net"
	"net/http"
	"testing"
)

// cached is what a user changes for the cached variant.
var cached = edits{
	"\ninclude easgate/easgate.conf;\n":   "\ninclude easgate/easgate.conf;\ninclude easgate/cache.conf;\n",
	"include easgate/verify.conf;\n    }": "include easgate/verify-cached.conf;\n    }",
}

// Who may share an answer with whom (ATTACKS 50). The credentials differ in one thing at a time.
func TestCacheKey(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), cached)
	j.says(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Userinfo", r.Header.Get("Authorization")+r.Header.Get("Cookie")+r.Header.Get("X-Api-Key"))
	})
	first := []string{"Host", "app.example.com", "Authorization", "Bearer a", "Cookie", "s=1", "X-Api-Key", "k"}
	g.get(t, "/page?q=1", first...)
	asked := j.asked.Load()

	got := g.get(t, "/page?q=1", first...)
	if n := j.asked.Load() - asked; n != 0 || got.App == nil || got.App.Header.Get("X-Userinfo") != "Bearer as=1k" {
		t.Errorf("the same request: easgate asked %d times, application saw %+v, want a remembered identity", n, got.App)
	}
	for _, tt := range []struct {
		name, method, uri string
		headers           []string
	}{
		{"another password", "GET", "/page?q=1", []string{"Host", "app.example.com", "Authorization", "Bearer b", "Cookie", "s=1", "X-Api-Key", "k"}},
		{"no password", "GET", "/page?q=1", []string{"Host", "app.example.com", "Cookie", "s=1", "X-Api-Key", "k"}},
		{"another cookie", "GET", "/page?q=1", []string{"Host", "app.example.com", "Authorization", "Bearer a", "Cookie", "s=2", "X-Api-Key", "k"}},
		{"another API key", "GET", "/page?q=1", []string{"Host", "app.example.com", "Authorization", "Bearer a", "Cookie", "s=1", "X-Api-Key", "l"}},
		{"another host", "GET", "/page?q=1", []string{"Host", "admin.example.com", "Authorization", "Bearer a", "Cookie", "s=1", "X-Api-Key", "k"}},
		{"another path", "GET", "/page/?q=1", first},
		{"another query", "GET", "/page?q=2", first},
		{"another method", "DELETE", "/page?q=1", first},
		{"a value that moved", "GET", "/page?q=1", []string{"Host", "app.example.com", "Authorization", "Bearer as=1", "X-Api-Key", "k"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := j.asked.Load()
			g.do(t, tt.method, tt.uri, nil, tt.headers...)
			if n := j.asked.Load() - before; n != 1 {
				t.Errorf("easgate asked %d times, want once", n)
			}
		})
	}
}

// What a client has no name for is in the key as well.
func TestCacheKeyBeyondTheClient(t *testing.T) {
	more := edits{
		"config_token=REPLACE_ME": "config_token=$http_test_token",
		"default $scheme;":        "default $http_test_proto;",
	}
	maps.Copy(more, cached)
	j := newJudge(t)
	g := start(t, j.addr, application(t), more)
	ask := func(from byte, token, proto string) int64 {
		before := j.asked.Load()
		g.rawFrom(t, net.IPv4(127, 0, 0, from), "GET /page HTTP/1.1", "Host: app.example.com", "Test-Token: "+token, "Test-Proto: "+proto)
		return j.asked.Load() - before
	}
	for _, tt := range []struct {
		name         string
		from         byte
		token, proto string
		want         int64
	}{
		{"first", 1, "a", "http", 1},
		{"the same", 1, "a", "http", 0},
		{"another config token", 1, "b", "http", 1},
		{"another scheme", 1, "a", "https", 1},
		{"another address", 2, "a", "http", 1},
	} {
		if n := ask(tt.from, tt.token, tt.proto); n != tt.want {
			t.Errorf("%s: easgate asked %d times, want %d", tt.name, n, tt.want)
		}
	}
}

// A header that is not in the key must not reach easgate: an answer that depends on it would be shared.
func TestCacheSendsTheKeyAlone(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), cached)
	g.get(t, "/page", append(forgeries("X-Eas-Request-Uri", "X-Eas-Verify-Params"), "X-Secret", "s", "User-Agent", "u", "Authorization", "a")...)
	got := j.last.Load()
	for name := range got.Header {
		switch name {
		case "X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-For", "Authorization":
		default:
			t.Errorf("%s = %q: reached easgate and is not in the key", name, got.Header[name])
		}
	}
	if got.Header.Get("Authorization") != "a" || got.Header.Get("X-Forwarded-Uri") != "/page" {
		t.Errorf("easgate saw %v, want what the key is made of", got.Header)
	}
}

// Only an allow without a cookie is remembered.
func TestCacheForgets(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), cached)
	for _, tt := range []struct {
		name    string
		status  int
		headers []string
		want    int
	}{
		{"denied", 401, nil, 401},
		{"forbidden", 403, nil, 403},
		{"login", 401, []string{"Location", "https://login.example.com/?state=1"}, 302},
		{"cookie", 200, []string{"Set-Cookie", "session=1"}, 200},
		{"fault", 503, nil, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j.status(tt.status, tt.headers...)
			before := j.asked.Load()
			for range 2 {
				if got := g.get(t, "/"+tt.name); got.Status != tt.want {
					t.Errorf("status %d, want %d", got.Status, tt.want)
				}
			}
			if n := j.asked.Load() - before; n != 2 {
				t.Errorf("easgate asked %d times for 2 requests, want 2", n)
			}
		})
	}
}

// Without the cached variant nothing is remembered, whatever the rest of the configuration caches.
func TestUncached(t *testing.T) {
	j := newJudge(t)
	g := start(t, j.addr, application(t), edits{
		"\ninclude easgate/easgate.conf;\n": "\ninclude easgate/easgate.conf;\ninclude easgate/cache.conf;\n" +
			"proxy_cache easgate;\nproxy_cache_valid any 1h;\nproxy_ignore_headers Cache-Control;",
	})
	before := j.asked.Load()
	g.get(t, "/page")
	g.get(t, "/page")
	if n := j.asked.Load() - before; n != 2 {
		t.Errorf("easgate asked %d times for 2 requests, want 2", n)
	}
}
