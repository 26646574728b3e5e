// Package httpfield knows header fields by what they are for, whoever reads or sends them. It is tables: what to do
// about a field is decided where it is read or sent. All names are canonical, as [net/http.CanonicalHeaderKey] makes
// them.
package httpfield

import "strings"

// OfConnection reports whether a field is about one connection and the framing of its messages (RFC 9110 §7.6.1).
func OfConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// HopByHop reports whether a field is for the next hop alone: those of the connection, and those with which a proxy
// and its client know each other (RFC 2616 §13.5.1).
func HopByHop(name string) bool {
	return OfConnection(name) || name == "Proxy-Authenticate" || name == "Proxy-Authorization"
}

// Join returns the value of a field that came in several lines as Node.js, and so external-auth-server, has it: of some
// fields the first, of others all, with commas, of cookies with semicolons
// (https://nodejs.org/api/http.html#messageheaders). values is not empty.
func Join(name string, values []string) string {
	switch {
	case len(values) == 1 || single(name):
		return values[0]
	case name == "Cookie":
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ", ")
}

func single(name string) bool {
	switch name {
	case "Age", "Authorization", "Content-Length", "Content-Type", "Etag", "Expires", "From", "Host", "If-Modified-Since",
		"If-Unmodified-Since", "Last-Modified", "Location", "Max-Forwards", "Proxy-Authorization", "Referer",
		"Retry-After", "Server", "User-Agent":
		return true
	}
	return false
}
