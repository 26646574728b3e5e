package tokenhandler

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/strictjson"
)

// proxies is the file that PROXY_CONFIG names.
type proxies struct {
	Proxies []proxy `json:"proxies"`
}

type proxy struct {
	Endpoint   string     `json:"endpoint"`
	Target     string     `json:"target"`
	Parameters parameters `json:"parameters"`
}

// parameters are those of Go's http.Transport and net.Dialer.
type parameters struct {
	IdleConnTimeout string `json:"idle-conn-timeout"`
	MaxIdleConns    int    `json:"max-idle-conns"`
	// KeepAlive is accepted; easgate keeps connections alive every 30 s.
	KeepAlive string `json:"keep-alive"`
	Timeout   string `json:"timeout"`
}

// A route is an endpoint and the upstream of its mount.
type route struct {
	path     string
	upstream map[string]any
}

// reserved are easgate's own paths, which come before mounts.
var reserved = []string{"/verify", "/ping", "/healthz", "/readyz", "/nginx", "/envoy", "/ambassador", "/oauth"}

// proxies translates what PROXY_CONFIG names.
func (t *translator) proxies() {
	path := t.text("PROXY_CONFIG")
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.complain("PROXY_CONFIG", "", "%w", err)
		return
	}
	raw, err := document.Convert(text)
	var file proxies
	if err == nil {
		var unknown []error
		unknown, err = strictjson.Decode(raw, &file)
		err = errors.Join(append(unknown, err)...)
	}
	if err != nil {
		t.complain("PROXY_CONFIG", "", "%s: %w", path, err)
		return
	}
	var seen []string
	for i, p := range file.Proxies {
		r, err := p.route()
		if err == nil && slices.Contains(seen, r.path) {
			err = fmt.Errorf("endpoint: there is another one at %s", r.path)
		}
		if err == nil {
			err = t.free(r.path)
		}
		if err != nil {
			t.complain("PROXY_CONFIG", "", "%s: proxies[%d].%w", path, i, err)
			continue
		}
		seen = append(seen, r.path)
		t.routes = append(t.routes, r)
	}
}

// route is p as a mount's path and upstream. The endpoint is a prefix, and is replaced by the target.
func (p *proxy) route() (r route, err error) {
	if !strings.HasPrefix(p.Endpoint, "/") {
		return r, errors.New("endpoint: want a path that begins with a slash")
	}
	if r.path = strings.TrimRight(p.Endpoint, "/"); r.path == "" {
		r.path = "/"
	}
	r.upstream = map[string]any{"url": p.Target, "strip_prefix": true}
	if p.Parameters.MaxIdleConns > 0 {
		r.upstream["connections"] = p.Parameters.MaxIdleConns
	}
	for _, span := range []struct {
		name, text string
		to         []string
	}{
		{"idle-conn-timeout", p.Parameters.IdleConnTimeout, []string{"idle_timeout"}},
		{"timeout", p.Parameters.Timeout, []string{"connect_timeout", "timeout"}},
		{"keep-alive", p.Parameters.KeepAlive, nil},
	} {
		if span.text == "" || span.text == "0" || span.text == "0s" {
			continue
		}
		if d, err := time.ParseDuration(span.text); err != nil || d < time.Millisecond || d > 24*time.Hour {
			return r, fmt.Errorf(`parameters.%s: want a time span from 1ms to 24h, such as "90s"`, span.name)
		}
		for _, name := range span.to {
			r.upstream[name] = span.text
		}
	}
	return r, nil
}

// free says which page a mount at path would hide.
func (t *translator) free(path string) error {
	own := append([]string{"/login", "/logout", "/userinfo", "/callback"}, reserved...)
	if t.callback != nil {
		own = append(own, t.callback.EscapedPath())
	}
	for _, page := range own {
		below := slices.Contains(reserved, page) && strings.HasPrefix(path, page+"/")
		if path != "/" && (path == page || below || strings.HasPrefix(page, path+"/")) {
			return fmt.Errorf("endpoint: %s is a path of easgate's own", page)
		}
	}
	return nil
}

// MarshalSettings writes settings as a configuration file: JSON, which is YAML.
func (t *Translation) MarshalSettings() ([]byte, error) {
	text, err := json.MarshalIndent(t.Settings, "", "  ")
	return append(text, '\n'), err
}
