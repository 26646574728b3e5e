package forward

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/plugins"
)

// dropped are fields that are the connection's or ours, that ask for a part of the application's content, or that a
// client can forge where no proxy overwrites them.
var dropped = map[string]bool{
	"Expect": true, "Host": true, "If": true, "Range": true,
	"X-Eas-Verify-Params": true, "X-Eas-Request-Uri": true,
	"Forwarded": true, "X-Forwarded-Prefix": true, "X-Replaced-Path": true,
}

// ofContent reports whether a field describes content that is not sent, or makes the answer depend on the version of
// content that the client has (RFC 9110 §8, §13.1): the application's, of which the service knows nothing.
func ofContent(name string) bool {
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-")
}

// twin reports whether name is that of a field which describes the request, or which is not sent, with an underscore
// for a dash: to services that read fields from variables (CGI, WSGI) the two are one, and proxies overwrite one of
// them only.
func twin(name string) bool {
	if !strings.Contains(name, "_") {
		return false
	}
	name = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
	return httpfield.HopByHop(name) || dropped[name] || ofContent(name) || name == "X-Real-Ip" ||
		strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Original-") || strings.HasPrefix(name, "X-Eas-")
}

// requestHeader is what the service is sent: the client's fields, and the parent request as easgate understood it,
// whatever family of fields described it. What the client's Connection field nominates stays: dropping it would let a
// client hide from the service what the proxy says of him.
func (p *Plugin) requestHeader(r *plugins.Request) http.Header {
	out := make(http.Header, len(r.Header)+6)
	for name, values := range r.Header {
		// What HTTP/1.1 cannot carry, such as HTTP/2's pseudo fields, would fail the whole request.
		if httpfield.HopByHop(name) || dropped[name] || ofContent(name) || twin(name) ||
			!httpguts.ValidHeaderFieldName(name) {
			continue
		}
		for _, v := range values {
			if httpguts.ValidHeaderFieldValue(v) {
				out[name] = append(out[name], v)
			}
		}
	}
	out["X-Forwarded-Proto"] = []string{r.URL.Scheme}
	out["X-Forwarded-Host"] = []string{r.URL.Host}
	out["X-Forwarded-Uri"] = []string{requestURI(r.URL)}
	if _, ok := out["X-Original-Url"]; ok {
		out["X-Original-Url"] = []string{r.URL.Scheme + "://" + r.URL.Host + requestURI(r.URL)}
	}
	for _, name := range []string{"X-Forwarded-Method", "X-Original-Method"} {
		_, sent := out[name]
		switch {
		case !httpguts.ValidHeaderFieldName(r.Method):
			delete(out, name)
		case sent || name == "X-Forwarded-Method":
			out[name] = []string{r.Method}
		}
	}
	if p.basic != "" && len(out["Authorization"]) == 0 {
		out["Authorization"] = []string{p.basic}
	}
	if len(out["Accept-Encoding"]) == 0 {
		out["Accept-Encoding"] = []string{"gzip, deflate"}
	}
	if len(out["User-Agent"]) == 0 {
		// net/http takes this for "none"; without it, it would send its own name.
		out["User-Agent"] = []string{""}
	}
	return out
}

// requestURI is u's path and query as they were sent. [url.URL.RequestURI] writes a path anew that has a byte like '"',
// and then the service is asked about "/a/b" where the client wants "/a%2Fb".
func requestURI(u *url.URL) string {
	if u.RawPath == "" {
		return u.RequestURI()
	}
	if u.RawQuery == "" && !u.ForceQuery {
		return u.RawPath
	}
	return u.RawPath + "?" + u.RawQuery
}

// headerSize is how many bytes h has as lines of HTTP/1.1.
func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}
