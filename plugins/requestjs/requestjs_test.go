package requestjs_test

import (
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/sandbox"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestjs"
)

// env allows scripts.
func env(t testing.TB) plugins.Env {
	s := sandbox.New(sandbox.Options{Limits: sandbox.Limits{Time: time.Second}}) // CI machines are slow
	t.Cleanup(s.Close)
	e := plugintest.Env(t)
	e.Query = query.Engines{"js": s.JS()}
	e.CookieSecret = "cosign"
	return e
}

func TestContract(t *testing.T) {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(requestjs.New),
		Config:  config,
		Env:     env,
		Allowed: plugintest.Request{Header: http.Header{"X-Api-Key": {"k1"}}},
		BadConfigs: map[string]string{
			`{}`:                      "snippet: required",
			`{"snippet": "return ("}`: "snippet: ",
		},
	})
}

// build builds the plugin as for a token in EAS's format.
func build(t *testing.T, snippet string) (plugins.Plugin, error) {
	t.Helper()
	return requestjs.New(requestjs.Config{Snippet: snippet}, env(t))
}

func TestSnippets(t *testing.T) {
	tests := []struct {
		name, snippet string
		status        int
		verdict       plugins.Verdict
	}{
		{"by method", "if (parentReqInfo.method == 'GET') res.statusCode = 200;", 200, plugins.Allow},
		{"no status", "", 500, plugins.Deny},
		{"await", "await new Promise(r=>setTimeout(r,10)); res.statusCode=204;", 204, plugins.Allow},
		{"status as text", "res.statusCode='401'", 401, plugins.Deny},
		{"comment at the end", "res.statusCode=200 // done", 200, plugins.Allow},
		{"plugin's own entry", "res.statusCode = plugin.config.type === 'request_js' ? 200 : 403", 200, plugins.Allow},
		{"host objects are not there", "res.statusCode = typeof process + typeof require + typeof fetch + typeof std + typeof os === 'undefined'.repeat(5) ? 200 : 403", 200, plugins.Allow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := build(t, tt.snippet)
			if err != nil {
				t.Fatal(err)
			}
			res, err := p.Verify(t.Context(), plugintest.Request{}.Build())
			if err != nil || res.StatusCode() != tt.status || res.Verdict != tt.verdict {
				t.Errorf("Verify = %v %d, %v, want %v %d", res.Verdict, res.StatusCode(), err, tt.verdict, tt.status)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for name, snippet := range map[string]string{
		"throws":                "throw new Error('x')",
		"rejects":               "await Promise.reject(1)",
		"loops":                 "for(;;);",
		"no status":             "res.statusCode='abc'",
		"status out of range":   "res.statusCode=1000",
		"header line break":     "res.statusCode=200; res.setHeader('X-A','a\\nX-B: b')",
		"header name":           "res.statusCode=200; res.setHeader('X A','a')",
		"cookie name":           "res.statusCode=200; res.cookie('a b','c')",
		"status by inheritance": "Object.prototype.statusCode = 200; delete res.statusCode; res.statusCode = undefined",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := build(t, snippet)
			if err != nil {
				t.Fatal(err)
			}
			if res, err := p.Verify(t.Context(), plugintest.Request{}.Build()); err == nil {
				t.Errorf("Verify = %v %d, want an error", res.Verdict, res.StatusCode())
			}
		})
	}
}

func TestResponse(t *testing.T) {
	p, err := build(t, `
		res.statusCode = 200; res.body = 'hi'; res.setHeader('X-Foo', 'Bér');
		res.cookie('a', 'b', {signed: true, httpOnly: true, sameSite: 'lax', secure: true, domain: 'example.com', maxAge: 60000});
		res.clearCookie('old', {path: '/x'});
		res.setAuthenticationData({userinfo: {login: 'al'}, access_token: 'opaque'});
		res.setAuthenticationDataValue('id_token', configToken === undefined ? 'none' : configToken.sub);
		req.headers.host = 'changed'`)
	if err != nil {
		t.Fatal(err)
	}
	r := plugintest.Request{}.Build()
	res, err := p.Verify(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if string(res.Body) != "hi" || res.Header.Get("X-Foo") != "B\xe9r" {
		t.Errorf("body %q, headers %q", res.Body, res.Header)
	}
	// The signature is what the npm package cookie-signature makes of b and cosign.
	const want = "a=s:b.AQiDyKRGy9m9iG5n4wHhl%2FolfxHVhXtQGXrfOoc2CdA; Path=/; Domain=example.com; Expires=Sun, 22 Nov 2026 12:01:00 GMT; Max-Age=60; HttpOnly; Secure; SameSite=Lax"
	if len(res.Cookies) != 2 || res.Cookies[0].String() != want || res.Cookies[1].MaxAge != -1 || res.Cookies[1].Path != "/x" {
		t.Errorf("cookies = %v, want %s and a cleared one", res.Cookies, want)
	}
	if query.JSON(res.Data.UserInfo) != `{"login":"al"}` || res.Data.AccessToken != "opaque" || res.Data.IDToken != "none" {
		t.Errorf("data = %+v", res.Data)
	}
	if headers, _ := r.Source.Req().Get("headers"); query.JSON(headers) != query.JSON(first(plugintest.Request{}.Build().Source.Req().Get("headers"))) {
		t.Error("the snippet changed the request of the steps after it")
	}
}

func first(v query.Value, _ bool) query.Value { return v }

// Where scripts are switched off, the entry is as good as of an unknown type.
func TestDisabled(t *testing.T) {
	_, err := requestjs.New(requestjs.Config{Snippet: "res.statusCode=200"}, plugintest.Env(t))
	if !errors.Is(err, plugins.ErrDisabled) {
		t.Errorf("New = %v, want ErrDisabled", err)
	}
}
