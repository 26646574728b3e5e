package envoy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/server/verify"
)

// paramsHeader carries the verify parameters as JSON, where the proxy sets it.
const paramsHeader = "X-Eas-Verify-Params"

// The paths of Envoy's HTTP ext_authz, which appends the parent request's path to the path of the auth service.
var (
	// URLPrefixes take the verify parameters in the path:
	//
	//	/envoy/verify-params-url/<JSON, percent-encoded>/<parent path>?<parent query>
	URLPrefixes = []string{"/envoy/verify-params-url", "/ambassador/verify-params-url"}
	// HeaderPrefixes take them in X-Eas-Verify-Params:
	//
	//	/envoy/verify-params-header/<parent path>?<parent query>
	HeaderPrefixes = []string{"/envoy/verify-params-header", "/ambassador/verify-params-header"}
)

// Errors of requests that are not answered.
var (
	ErrNotFound   = errors.New("no parent path behind the parameters")
	ErrBadRequest = errors.New("bad escape in the parameters")
)

// URL answers r, whose path begins with a prefix of that many bytes out of [URLPrefixes].
func URL(v *verify.Verifier, w http.ResponseWriter, r *http.Request, prefix int) error {
	encoded, rest, ok := strings.Cut(pathOf(r.URL)[prefix+1:], "/")
	if !ok {
		return ErrNotFound
	}
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return ErrBadRequest
	}
	v.Answer(w, r, func() *verify.Params { return v.JSONParams(text) }, suffixOf("/"+rest, r))
	return nil
}

// Header answers r, whose path begins with a prefix of that many bytes out of [HeaderPrefixes].
func Header(v *verify.Verifier, w http.ResponseWriter, r *http.Request, prefix int) {
	path := pathOf(r.URL)[prefix:]
	if path == "" {
		path = "/"
	}
	v.Answer(w, r, func() *verify.Params { return headerParams(v, r) }, suffixOf(path, r))
}

func headerParams(v *verify.Verifier, r *http.Request) *verify.Params {
	switch given := r.Header[paramsHeader]; len(given) {
	case 0:
		// The query is the parent request's here, and so the client's. EAS takes it all the same.
		if v.Profile() == parent.EAS {
			return v.URLParams(r.URL.RawQuery)
		}
		return verify.BadParams(errors.New(paramsHeader + ": missing"))
	case 1:
		return v.JSONParams(given[0])
	}
	// One of them is the client's.
	return verify.BadParams(errors.New(paramsHeader + ": given twice"))
}

// pathOf returns u's path as it was sent. [url.URL.EscapedPath] writes a path anew that has a byte like '"', and then
// "%2F" comes out as "/".
func pathOf(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

func suffixOf(path string, r *http.Request) string {
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return path
}
