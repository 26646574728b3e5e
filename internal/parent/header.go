package parent

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The keys are spelled as net/http canonicalizes them.
const (
	hProto          = "X-Forwarded-Proto"
	hHost           = "X-Forwarded-Host"
	hURI            = "X-Forwarded-Uri"
	hMethod         = "X-Forwarded-Method"
	hOriginalURL    = "X-Original-Url"
	hOriginalMethod = "X-Original-Method"
	hEASURI         = "X-Eas-Request-Uri"
	hReplacedPath   = "X-Replaced-Path"
	hPrefix         = "X-Forwarded-Prefix"
)

var errMissing = errors.New("missing")

func malformed(name string, why error) error { return fmt.Errorf("parent request: %s: %w", name, why) }

// refused says why a header's value is not taken, and what it was: cut, escaped, and without a query or a password,
// which must not reach the log.
func refused(name, value string, why error) error {
	if name != hProto && name != hHost || !strings.Contains(value, ",") {
		return fmt.Errorf("parent request: %s: %s: %w", name, shown(value), why)
	}
	return fmt.Errorf("parent request: %s: %s: %w: %w", name, shown(value), why, errList)
}

// maxShown is how many bytes of a refused value are shown.
const maxShown = 64

func shown(value string) string {
	if i := strings.IndexAny(value, "?#"); i >= 0 {
		value = value[:i]
	}
	if !strings.HasPrefix(value, "/") {
		_, authority, ok := strings.Cut(value, "://")
		if !ok {
			authority = value
		}
		authority, _, _ = strings.Cut(authority, "/")
		if i := strings.LastIndexByte(authority, '@'); i >= 0 {
			value = strings.Replace(value, authority[:i+1], "", 1)
		}
	}
	if len(value) > maxShown {
		return strconv.Quote(value[:maxShown]) + "…"
	}
	return strconv.Quote(value)
}

// errList says that a header has the values of two proxies.
var errList = errors.New("two proxies wrote it, and the one that asks easgate must replace it")

// hintList says how each kind of proxy replaces a header instead of adding to it.
var hintList = [...]string{
	Auto: "with nginx by proxy_set_header, with HAProxy by http-request set-header instead of add-header, " +
		"with Apache by RequestHeader set instead of append",
	Nginx:        "proxy_set_header X-Forwarded-Proto $scheme; and X-Forwarded-Host $host; where nginx asks easgate",
	IngressNginx: `use-forwarded-headers: "false" in the ConfigMap, or a balancer in front that replaces the header`,
	Traefik:      "forwardedHeaders.trustedIPs of the entry point names who is in front, and that one replaces the header",
	Caddy:        "header_up X-Forwarded-Proto {scheme} and X-Forwarded-Host {host} where Caddy asks easgate",
	HAProxy:      "http-request set-header instead of add-header",
	Envoy:        "use_remote_address: true, or xff_num_trusted_hops: 0, in the HTTP connection manager",
	Direct:       "proxy_set_header X-Forwarded-Proto $scheme; and X-Forwarded-Host $host; where nginx passes it on",
}

// optional returns a header's value, "" if it is not there. A header that is there twice with two values is an error:
// no reader knows which of them the proxy wrote.
func optional(h http.Header, name string) (string, error) {
	vs := h[name]
	if len(vs) == 0 {
		return "", nil
	}
	for _, v := range vs[1:] {
		if v != vs[0] {
			why := fmt.Errorf("sent twice with different values, %s and %s", shown(vs[0]), shown(v))
			if name == hProto || name == hHost {
				why = fmt.Errorf("%w: %w", why, errList)
			}
			return "", malformed(name, why)
		}
	}
	return vs[0], nil
}

func required(h http.Header, name string) (string, error) {
	v, err := optional(h, name)
	if err == nil && v == "" {
		return "", malformed(name, errMissing)
	}
	return v, err
}
