package parent

import (
	"fmt"
	"net/http"
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

func malformed(name, why string) error { return fmt.Errorf("parent request: %s: %s", name, why) }

// optional returns a header's value, "" if it is not there. A header that is there twice with two values is an error:
// no reader knows which of them the proxy wrote.
func optional(h http.Header, name string) (string, error) {
	vs := h[name]
	if len(vs) == 0 {
		return "", nil
	}
	for _, v := range vs[1:] {
		if v != vs[0] {
			return "", malformed(name, "sent twice with different values")
		}
	}
	return vs[0], nil
}

func required(h http.Header, name string) (string, error) {
	v, err := optional(h, name)
	if err == nil && v == "" {
		return "", malformed(name, "missing")
	}
	return v, err
}
