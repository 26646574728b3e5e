// Package plugintest is the contract suite that every plugin passes, and the requests and environment that
// plugins' tests share.
package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/redact"
	"github.com/easgate/easgate/plugins"
)

// promptly is how long an answer may take that waits for nothing; a bound that stops hangs, not a measurement.
const promptly = 2 * time.Second

// A Contract is what [Run] needs to know about a plugin.
type Contract struct {
	Factory plugins.Factory
	// Config is an example configuration, as the docs show it. It builds strictly.
	Config json.RawMessage
	// Env replaces the default environment, for plugins that need a server. Its zero value is [Env].
	Env func(t testing.TB) plugins.Env
	// Allowed is a request that the plugin allows under Config.
	Allowed Request
	// AllowsEmpty says that Config is meant to allow a request without credentials.
	AllowsEmpty bool
	// Secrets are parts of Config that must not appear in errors, reasons, headers or bodies.
	Secrets []string
	// BadConfigs maps configurations that are refused strictly to a part of the error: the path and what is wrong.
	BadConfigs map[string]string
}

// Run runs the suite.
func Run(t *testing.T, c Contract) {
	if c.Env == nil {
		c.Env = Env
	}
	t.Run("the example builds strictly", func(t *testing.T) { c.build(t) })
	t.Run("bad configurations are refused with their path", c.testBadConfigs)
	t.Run("the configuration prints without secrets", c.testRedaction)
	t.Run("the allowed request is allowed", c.testAllowed)
	t.Run("an empty request is not allowed", c.testEmpty)
	t.Run("garbage is not allowed and does not panic", c.testGarbage)
	t.Run("the request stays as it is", c.testUnchanged)
	t.Run("answers after the client left are prompt", c.testCancelled)
	t.Run("many requests at once", c.testConcurrent)
}

// Build builds a plugin as a compilation does: a problem refuses a native token.
func Build(f plugins.Factory, raw json.RawMessage, env plugins.Env) (plugins.Plugin, error) {
	p, problems, err := f.Build(raw, env)
	if env.Native {
		err = errors.Join(append(problems, err)...)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// build also proves that building does no network I/O through Env.HTTP, which fails the test when used.
func (c Contract) build(t *testing.T) plugins.Plugin {
	t.Helper()
	env := c.Env(t)
	client := env.HTTP
	env.HTTP = Env(t).HTTP
	env.Native = true
	p, err := Build(c.Factory, c.Config, env)
	if err != nil {
		t.Fatalf("Build(example) = %v", err)
	}
	if client != env.HTTP {
		env.HTTP = client
		if p, err = Build(c.Factory, c.Config, env); err != nil {
			t.Fatalf("Build(example) = %v", err)
		}
	}
	if closer, ok := p.(plugins.Closer); ok {
		t.Cleanup(func() {
			if err := closer.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
	}
	return p
}

func (c Contract) testBadConfigs(t *testing.T) {
	// Errors about the shape of the JSON are the decoder's; every plugin has them.
	bad := map[string]string{`[]`: "", `"x"`: "", `{`: ""}
	for config, want := range c.BadConfigs {
		bad[config] = want
	}
	for config, want := range bad {
		env := c.Env(t)
		env.Native = true
		p, odd, err := c.Factory.Build(json.RawMessage(config), env)
		// A typed nil would look like a plugin to the pipeline.
		if err != nil && p != nil {
			t.Errorf("Build(%s) = %T with an error, want nil", config, p)
		}
		if err = errors.Join(append(odd, err)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Build(%s) = %v, want an error with %q", config, err, want)
		}
		c.noSecrets(t, "error", fmt.Sprint(err))
	}
}

func (c Contract) testRedaction(t *testing.T) {
	c.noSecrets(t, "what inspect shows", string(redact.As(c.Config, c.Factory.Config)))
	v := reflect.New(c.Factory.Config)
	if err := json.Unmarshal(c.Config, v.Interface()); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		c.noSecrets(t, verb, fmt.Sprintf(verb, v.Interface()))
		c.noSecrets(t, verb, fmt.Sprintf(verb, v.Elem().Interface()))
	}
}

func (c Contract) testAllowed(t *testing.T) {
	res := c.verify(t, c.build(t), c.Allowed.Build())
	if res.Verdict != plugins.Allow {
		t.Errorf("Verify(allowed) = %v %d %q, want allow", res.Verdict, res.StatusCode(), res.Reason)
	}
}

func (c Contract) testEmpty(t *testing.T) {
	res := c.verify(t, c.build(t), Request{}.Build())
	if got := res.Verdict == plugins.Allow; got != c.AllowsEmpty {
		t.Errorf("Verify(empty request) = %v, want allowed = %v", res.Verdict, c.AllowsEmpty)
	}
}

// garbage are header values that strangers have sent to somebody.
var garbage = []string{
	"", " ", ",", ":", "=", "\x00", "\xff\xfe", "\u65e5\u672c", "null", "undefined", "[object Object]", "%00", "%zz",
	"../../etc/passwd",
	"Basic", "Basic ", "Basic :", "Basic Og==", "Basic AA==", "Basic OgA=", "Basic dTo=", "Basic " + "////",
	"Basic dTpwYXNzd29yZA==",
	"Bearer", "Bearer ", "Bearer .", "Bearer ..", "Bearer a.b.c", "Bearer e30.e30.", "Bearer eyJhbGciOiJub25lIn0.e30.",
	"Bearer " + "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjFlOTk5fQ.AA", "Digest username=\"\"", "Negotiate AAAA", "a=b; c", "; ; =",
	"s%3A.", "s%3Aa.b",
	"' OR 1=1 --", "*)(uid=*", "${jndi:ldap://x}", "{{7*7}}", "<script>", "\r\nX-Injected: 1", "-1", "1e999",
}

func (c Contract) testGarbage(t *testing.T) {
	p := c.build(t)
	values := append([]string{strings.Repeat("A", 60_000), "Basic " + strings.Repeat("QUFB", 12_000),
		"Bearer " + strings.Repeat(".", 20_000), strings.Repeat("a=b;", 5_000)}, garbage...)
	for _, value := range values {
		h := http.Header{}
		for _, name := range []string{"Authorization", "Cookie", "Origin", "Referer", "X-Api-Key", "X-Forwarded-Uri",
			"X-Userinfo", "Accept"} {
			h[name] = []string{value, value}
		}
		res := c.verify(t, p, Request{Header: h, Method: "\x00"}.Build())
		if res.Verdict == plugins.Allow && !c.AllowsEmpty {
			t.Errorf("Verify(%.40q) = allow, want deny", value)
		}
	}
}

func (c Contract) testUnchanged(t *testing.T) {
	p := c.build(t)
	for _, in := range []Request{{}, c.Allowed} {
		in.Header = in.Header.Clone()
		r := in.Build()
		header, u, copied := r.Header.Clone(), *r.URL, *r
		c.verify(t, p, r)
		if !reflect.DeepEqual(r.Header, header) || *r.URL != u || r.Method != copied.Method {
			t.Errorf("Verify changed the request to %v %v %v, want %v %v %v", r.Method, r.URL, r.Header, copied.Method, &u,
				header)
		}
	}
}

func (c Contract) testCancelled(t *testing.T) {
	p := c.build(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, in := range []Request{{}, c.Allowed} {
		done := make(chan error, 1)
		go func() {
			res, err := p.Verify(ctx, in.Build())
			if err != nil && res.Verdict == plugins.Allow {
				err = fmt.Errorf("allow with an error: %w", err)
			} else {
				err = nil
			}
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(promptly):
			t.Fatalf("Verify after the client left has not answered for %v", promptly)
		}
	}
}

func (c Contract) testConcurrent(t *testing.T) {
	p := c.build(t)
	var wg sync.WaitGroup
	for i := range 16 {
		in, want := c.Allowed, true
		if i%2 == 1 {
			in, want = Request{}, c.AllowsEmpty
		}
		wg.Go(func() {
			for range 8 {
				res, err := p.Verify(t.Context(), in.Build())
				if err != nil || (res.Verdict == plugins.Allow) != want {
					t.Errorf("Verify = %v, %v, want allowed = %v", res.Verdict, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// verify calls Verify and checks what holds for every result.
func (c Contract) verify(t *testing.T, p plugins.Plugin, r *plugins.Request) plugins.Result {
	t.Helper()
	res, err := p.Verify(t.Context(), r)
	if err != nil {
		c.noSecrets(t, "error", err.Error())
		if res.Verdict == plugins.Allow {
			t.Errorf("Verify = allow with the error %v", err)
		}
		return plugins.Result{}
	}
	if ok := res.StatusCode() >= 200 && res.StatusCode() <= 299; ok != (res.Verdict == plugins.Allow) {
		t.Errorf("Verify = %v with status %d", res.Verdict, res.StatusCode())
	}
	c.noSecrets(t, "reason", res.Reason)
	if res.Verdict != plugins.Allow {
		c.noSecrets(t, "header", fmt.Sprint(res.Header))
		c.noSecrets(t, "body", string(res.Body))
	}
	return res
}

func (c Contract) noSecrets(t *testing.T, what, text string) {
	t.Helper()
	for _, s := range c.Secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s holds a secret: %s", what, text)
		}
	}
}
