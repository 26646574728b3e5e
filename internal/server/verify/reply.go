package verify

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/plugins"
)

var noStore = []string{"no-store"}

// maxReplyHeader bounds what a reply carries. Proxies reserve 4 to 16 KB for it by default, and answer for themselves
// beyond; Node.js ends the connection.
const maxReplyHeader = 16 << 10

var errReplyTooLong = errors.New("custom headers longer than 16 KB together: no proxy takes that many")

func headerBytes(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// Reply writes res in the dialect of the proxy that asked.
func Reply(w http.ResponseWriter, res *plugins.Result, q *Request) {
	h := w.Header()
	for name, values := range res.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		// nginx obeys X-Accel-Redirect even in the answer to an auth subrequest, whose status is then that of
		// wherever it leads. A service behind a plugin must not turn a denial into an allow.
		if !strings.HasPrefix(name, "X-Accel-") {
			h[name] = values
		}
	}
	if ct := h["Content-Type"]; len(ct) == 1 && q.Profile == parent.EAS {
		h["Content-Type"] = []string{withCharset(ct[0])}
	}
	for _, c := range res.Cookies {
		http.SetCookie(w, c)
	}
	// A cached verify reply would let somebody else in.
	h["Cache-Control"] = noStore
	h["X-Eas-Decision-Id"] = q.id[:]

	status := dialect(q.Profile, q.Status(res))
	if q.Profile == parent.Direct && status >= 400 && status <= 499 && res.Header.Get("Location") != "" &&
		!byScript(q.Header) {
		status = http.StatusFound // a browser asked, not nginx
	}
	w.WriteHeader(status)
	if len(res.Body) > 0 && bodyAllowed(status) {
		_, _ = w.Write(res.Body) // the proxy went away
	}
}

// byScript reports whether a page's script asks, which can neither follow a login nor show one.
func byScript(h http.Header) bool {
	if mode := h["Sec-Fetch-Mode"]; len(mode) > 0 {
		return mode[0] != "navigate"
	}
	return h["Origin"] != nil || h["X-Requested-With"] != nil
}

// Status is the status to send: 2xx only for an allow, and a redirect's status as the verify URL wants it.
func (q *Request) Status(res *plugins.Result) int {
	status := res.StatusCode()
	if !res.Sendable() {
		return http.StatusServiceUnavailable
	}
	if status >= 300 && status <= 399 && q.Params.redirect != 0 && res.Header.Get("Location") != "" {
		return q.Params.redirect
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
