// Package traefik_test holds the example to the rules of its README.
package traefik_test

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/easgate/easgate/internal/parent"
)

// The parts of Traefik's configuration that the example uses. Decoding is strict: whoever uses more decides here how it is checked.
type static struct {
	EntryPoints map[string]struct {
		Address          string
		ForwardedHeaders struct{ Insecure bool } `yaml:"forwardedHeaders"`
	} `yaml:"entryPoints"`
	Providers struct {
		File struct {
			Filename string
			Watch    bool
		}
	}
}

type dynamic struct {
	HTTP struct {
		Middlewares map[string]middleware
		Routers     map[string]struct {
			Rule        string
			EntryPoints []string `yaml:"entryPoints"`
			Middlewares []string
			Service     string
		}
		Services map[string]struct {
			LoadBalancer struct{ Servers []struct{ URL string } } `yaml:"loadBalancer"`
		}
	}
}

type middleware struct {
	Headers *struct {
		CustomRequestHeaders map[string]string `yaml:"customRequestHeaders"`
	}
	ForwardAuth *struct {
		Address             string
		TrustForwardHeader  *bool    `yaml:"trustForwardHeader"`
		AuthResponseHeaders []string `yaml:"authResponseHeaders"`
	} `yaml:"forwardAuth"`
	StripPrefix *struct{ Prefixes []string } `yaml:"stripPrefix"`
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestStatic(t *testing.T) {
	var s static
	load(t, "traefik.yml", &s)
	if len(s.EntryPoints) == 0 {
		t.Error("no entry points")
	}
	for name, e := range s.EntryPoints {
		if e.ForwardedHeaders.Insecure {
			t.Errorf("entryPoints.%s: forwarded headers of every client are believed", name)
		}
	}
	if !strings.HasSuffix(s.Providers.File.Filename, "/easgate.yml") {
		t.Errorf("providers.file.filename = %s, want the dynamic configuration", s.Providers.File.Filename)
	}
}

// What a client could say in the name of Traefik, of easgate or of a middleware, and must be removed first. The
// X-Forwarded headers that are not here the entry point removes.
var forgeable = []string{
	"Forwarded", "X-Forwarded-Prefix", "X-Replaced-Path", "X-Original-Method", "X-Original-Url", "X-Rewrite-Url",
	"X-Eas-Request-Uri", "X-Eas-Verify-Params",
}

func TestDynamic(t *testing.T) {
	var s static
	var d dynamic
	load(t, "traefik.yml", &s)
	load(t, "easgate.yml", &d)
	var identity []string
	for name, m := range d.HTTP.Middlewares {
		if f := m.ForwardAuth; f != nil {
			checkAddress(t, name, f.Address)
			if f.TrustForwardHeader == nil || *f.TrustForwardHeader {
				t.Errorf("%s: trustForwardHeader is not false", name)
			}
			if identity != nil && !slices.Equal(identity, f.AuthResponseHeaders) {
				t.Errorf("%s: authResponseHeaders = %v, elsewhere %v: what one lacks a client can forge", name, f.AuthResponseHeaders, identity)
			}
			identity = f.AuthResponseHeaders
		}
	}
	if !slices.Contains(identity, "X-Auth-Subject") {
		t.Errorf("authResponseHeaders = %v, want identity headers", identity)
	}

	if len(d.HTTP.Routers) == 0 {
		t.Error("no routers")
	}
	for name, r := range d.HTTP.Routers {
		for _, e := range r.EntryPoints {
			if _, ok := s.EntryPoints[e]; !ok {
				t.Errorf("%s: entry point %s does not exist", name, e)
			}
		}
		if sv, ok := d.HTTP.Services[r.Service]; !ok || len(sv.LoadBalancer.Servers) == 0 {
			t.Errorf("%s: service %s has no servers", name, r.Service)
		}
		checkChain(t, name, r.Middlewares, d.HTTP.Middlewares, identity)
	}
}

// checkAddress holds the address to one that easgate understands.
func checkAddress(t *testing.T, name, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Path != "/verify" {
		t.Errorf("%s: address %s, %v, want /verify", name, address, err)
		return
	}
	q := u.Query()
	if p, ok := parent.ParseProfile(q.Get("proxy")); !ok || p != parent.Traefik {
		t.Errorf("%s: proxy=%s, want traefik", name, q.Get("proxy"))
	}
	if q.Get("config_token") == "" || q.Has("strip") {
		t.Errorf("%s: parameters %v, want a config token and no strip", name, q)
	}
}

// checkChain wants the client's forgeries removed, then easgate asked, then the path changed.
func checkChain(t *testing.T, router string, chain []string, all map[string]middleware, identity []string) {
	t.Helper()
	cleaned, asked := false, false
	for _, name := range chain {
		m, ok := all[name]
		switch {
		case !ok:
			t.Errorf("%s: middleware %s does not exist", router, name)
		case m.Headers != nil:
			cleaned = true
			want := slices.Clone(forgeable)
			for _, h := range identity {
				want = append(want, strings.ReplaceAll(h, "-", "_"))
			}
			for _, h := range want {
				if v, removed := m.Headers.CustomRequestHeaders[h]; !removed || v != "" {
					t.Errorf("%s: %s does not remove %s", router, name, h)
				}
			}
		case m.ForwardAuth != nil:
			asked = true
			if !cleaned {
				t.Errorf("%s: %s is asked before the client's headers are removed", router, name)
			}
		case m.StripPrefix != nil && !asked:
			t.Errorf("%s: %s changes the path before easgate is asked", router, name)
		}
	}
	if !asked {
		t.Errorf("%s: nobody asks easgate", router)
	}
}
