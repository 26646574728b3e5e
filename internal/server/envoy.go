package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/easgate/easgate/internal/parent"
)

// verifyParamsHeader carries the verify parameters as JSON, where the proxy sets it.
const verifyParamsHeader = "X-Eas-Verify-Params"

// envoyRoutes are Envoy's HTTP ext_authz, which appends the parent request's path to the path of the auth service:
//
//	/envoy/verify-params-url/<JSON, percent-encoded>/<parent path>?<parent query>
//	/envoy/verify-params-header/<parent path>?<parent query>   with X-Eas-Verify-Params
func (s *Server) envoyRoutes(e *echo.Echo) {
	for _, prefix := range []string{"/envoy/verify-params-url", "/ambassador/verify-params-url"} {
		e.Any(prefix+"/*", s.envoyURL(len(prefix)))
	}
	for _, prefix := range []string{"/envoy/verify-params-header", "/ambassador/verify-params-header"} {
		h := s.envoyHeader(len(prefix))
		e.Any(prefix, h)
		e.Any(prefix+"/*", h)
	}
}

func (s *Server) envoyURL(prefix int) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		encoded, rest, ok := strings.Cut(pathOf(r.URL)[prefix+1:], "/")
		if !ok {
			return echo.ErrNotFound
		}
		text, err := url.PathUnescape(encoded)
		if err != nil {
			return echo.ErrBadRequest
		}
		s.answer(c.Response().Writer, r, func() *params { return s.jsonParams(text) }, suffixOf("/"+rest, r))
		return nil
	}
}

func (s *Server) envoyHeader(prefix int) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		parse := func() *params {
			switch given := r.Header[verifyParamsHeader]; len(given) {
			case 0:
				// The query is the parent request's here, and so the client's. EAS takes it all the same.
				if s.cfg.Profile == parent.EAS {
					return s.urlParams(r.URL.RawQuery)
				}
				return &params{fallback: -1, err: errors.New(verifyParamsHeader + ": missing")}
			case 1:
				return s.jsonParams(given[0])
			}
			// One of them is the client's.
			return &params{fallback: -1, err: errors.New(verifyParamsHeader + ": given twice")}
		}
		path := pathOf(r.URL)[prefix:]
		if path == "" {
			path = "/"
		}
		s.answer(c.Response().Writer, r, parse, suffixOf(path, r))
		return nil
	}
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

// jsonParams is parseJSONParams, remembered as verify URLs are.
func (s *Server) jsonParams(text string) *params {
	key := "json " + text // no URL query starts like this
	if p := s.knownParams(key); p != nil {
		return p
	}
	return s.loadParams(key, func() *params { return parseJSONParams(text, s.cfg.URLQueries) })
}
