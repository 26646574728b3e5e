package server

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/plugins"
)

var noStore = []string{"no-store"}

// reply writes res in the dialect of the proxy that asked.
func (s *Server) reply(w http.ResponseWriter, res *plugins.Result, v *verification, redirect int) {
	h := w.Header()
	for name, values := range res.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		// nginx obeys X-Accel-Redirect even in the answer to an auth subrequest, whose status is then that of
		// wherever it leads. A service behind a plugin must not turn a denial into an allow.
		if !strings.HasPrefix(name, "X-Accel-") {
			h[name] = values
		}
	}
	if ct := h["Content-Type"]; len(ct) == 1 && v.profile == parent.EAS {
		h["Content-Type"] = []string{withCharset(ct[0])}
	}
	for _, c := range res.Cookies {
		http.SetCookie(w, c)
	}
	// A cached verify reply would let somebody else in.
	h["Cache-Control"] = noStore
	h["X-Eas-Decision-Id"] = v.id[:]

	status := dialect(v.profile, statusOf(res, redirect))
	w.WriteHeader(status)
	if len(res.Body) > 0 && bodyAllowed(status) {
		_, _ = w.Write(res.Body) // the proxy went away
	}
}

// statusOf is the status to send: 2xx only for an allow, and a redirect's status as the verify URL wants it.
func statusOf(res *plugins.Result, redirect int) int {
	status := res.StatusCode()
	if !res.Sendable() {
		return http.StatusServiceUnavailable
	}
	if status >= 300 && status <= 399 && redirect != 0 && res.Header.Get("Location") != "" {
		return redirect
	}
	return status
}

// dialect maps a status to what the proxy understands. nginx's auth_request takes 2xx, 401 and 403; anything else
// becomes a 500 there. A redirect travels as a 401, and error_page turns it back into a 302 (see nginx/).
func dialect(profile parent.Profile, status int) int {
	if profile != parent.Nginx && profile != parent.IngressNginx {
		return status
	}
	switch {
	case status >= 300 && status <= 399:
		return http.StatusUnauthorized
	case status >= 400 && status <= 499 && status != http.StatusUnauthorized:
		return http.StatusForbidden
	}
	return status
}

// bodyAllowed is RFC 9110 §6.4.1.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// withCharset adds the charset that Express adds to a Content-Type without one.
func withCharset(ct string) string {
	if ct == "" || strings.Contains(ct, ";") {
		return ct
	}
	if strings.HasPrefix(ct, "text/") || ct == "application/json" || ct == "application/javascript" {
		return ct + "; charset=utf-8"
	}
	return ct
}
