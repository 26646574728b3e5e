// Package envoy_test holds the example to the rules of its README.
package envoy_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/easgate/easgate/internal/parent"
)

// A filter is the part of Envoy's ext_authz that the example uses.
type filter struct {
	Name  string
	Typed struct {
		FailureModeAllow *bool `yaml:"failure_mode_allow"`
		AllowedHeaders   struct {
			Patterns patterns
		} `yaml:"allowed_headers"`
		HTTPService struct {
			PathPrefix string `yaml:"path_prefix"`
			Response   struct {
				Upstream  struct{ Patterns patterns } `yaml:"allowed_upstream_headers"`
				OnSuccess struct{ Patterns patterns } `yaml:"allowed_client_headers_on_success"`
				OnDenial  struct{ Patterns patterns } `yaml:"allowed_client_headers"`
			} `yaml:"authorization_response"`
		} `yaml:"http_service"`
	} `yaml:"typed_config"`
}

type patterns []struct{ Exact string }

func (p patterns) has(name string) bool {
	return slices.ContainsFunc(p, func(e struct{ Exact string }) bool { return e.Exact == name })
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestHTTP(t *testing.T) {
	var f filter
	load(t, "http.yaml", &f)
	c := f.Typed
	if c.FailureModeAllow == nil || *c.FailureModeAllow {
		t.Error("an easgate that does not answer allows")
	}
	prefix, encoded, ok := strings.Cut(c.HTTPService.PathPrefix[1:], "/verify-params-url/")
	text, err := url.PathUnescape(encoded)
	var params map[string]string
	if !ok || prefix != "envoy" || strings.Contains(encoded, "/") || err != nil || json.Unmarshal([]byte(text), &params) != nil {
		t.Fatalf("path_prefix: %s: no verify parameters in it", c.HTTPService.PathPrefix)
	}
	if p, ok := parent.ParseProfile(params["proxy"]); params["config_token"] == "" || !ok || p != parent.Envoy {
		t.Errorf("parameters: %v, want a config token and proxy=envoy", params)
	}
	response := c.HTTPService.Response
	for _, name := range []string{"x-auth-subject", "x-userinfo"} {
		if !response.Upstream.Patterns.has(name) {
			t.Errorf("%s does not reach the application", name)
		}
	}
	for _, name := range []string{"www-authenticate", "location", "set-cookie"} {
		if !response.OnDenial.Patterns.has(name) {
			t.Errorf("%s of a denial does not reach the client", name)
		}
	}
	if !response.OnSuccess.Patterns.has("set-cookie") {
		t.Error("a renewed login does not reach the client")
	}
}

// What Envoy sends with the example's allowed_headers is enough to know the request, and less is not.
func TestAllowedHeaders(t *testing.T) {
	var f filter
	load(t, "http.yaml", &f)
	client := http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}, "X-Original-Url": {"https://evil/"}}
	sent := http.Header{}
	for name, values := range client {
		if f.Typed.AllowedHeaders.Patterns.has(strings.ToLower(name)) {
			sent[name] = values
		}
	}
	in := parent.Input{Header: sent, Host: "app.example.com", Method: "GET", Suffix: "/a?b"}
	got, err := parent.Envoy.Parse(in)
	if err != nil || got.URL.String() != "https://app.example.com/a?b" {
		t.Errorf("the request is %v, %v, want https://app.example.com/a?b", got.URL.String(), err)
	}
	in.Header = http.Header{}
	if _, err := parent.Envoy.Parse(in); err == nil {
		t.Error("without x-forwarded-proto the request is known: the README says that it must be allowed")
	}
}

func TestGRPC(t *testing.T) {
	text, err := os.ReadFile("grpc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	load(t, "grpc.yaml", &all)
	for _, want := range []string{
		"failure_mode_allow: false", "transport_api_version: V3", "use_remote_address: true", "normalize_path: true", "merge_slashes: true",
		"path_with_escaped_slashes_action: REJECT_REQUEST", "http2_protocol_options",
		`x-eas-verify-params: '{"config_token":"REPLACE_ME"}'`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("grpc.yaml has no %s", want)
		}
	}
}
