package parent

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

var (
	errScheme     = errors.New("not http, https, ws or wss")
	errHost       = errors.New("not a host name or address with an optional port")
	errURI        = errors.New("does not start with a slash")
	errByte       = errors.New("has a control byte, space, '#' or backslash")
	errEscape     = errors.New("has a broken or ambiguous percent escape")
	errDotSegment = errors.New("has a dot segment, or one that ends in a dot or a blank")
	errMethod     = errors.New("not an HTTP method")
	errAbsolute   = errors.New("not an absolute URL")
)

// raw is a parent request whose parts nobody has checked. Each comes with the name of the header that it was read
// from.
type raw struct {
	method, proto, host, uri                 string
	methodName, protoName, hostName, uriName string
	// methodOptional accepts a request without a method.
	methodOptional bool
}

// check turns r into a request if every part is well formed by itself.
func (r *raw) check() (Request, error) {
	scheme, err := checkScheme(r.proto)
	if err != nil {
		return Request{}, refused(r.protoName, r.proto, err)
	}
	host, err := checkHost(r.host)
	if err != nil {
		return Request{}, refused(r.hostName, r.host, err)
	}
	if r.method != "" || !r.methodOptional {
		if err := checkMethod(r.method); err != nil {
			return Request{}, refused(r.methodName, r.method, err)
		}
	}
	parsed := Request{Method: r.method, URL: url.URL{Scheme: scheme, Host: host}, uri: r.uri, target: true}
	if err := setURI(&parsed.URL, r.uri); err != nil {
		return Request{}, refused(r.uriName, r.uri, err)
	}
	return parsed, nil
}

func checkScheme(s string) (string, error) {
	for _, known := range [...]string{"https", "http", "wss", "ws"} {
		if s == known || (len(s) == len(known) && strings.EqualFold(s, known)) {
			return known, nil
		}
	}
	return "", errScheme
}

// Bounds of what a host may be: a DNS name (RFC 1035 §2.3.4), a colon and five digits.
const maxHost = 253 + 6

// checkHost returns host in lower case. Of RFC 3986's reg-name it takes what host names are made of: a comma is how
// proxies join two hosts, a percent sign or '@' moves the boundary for some parsers, and a trailing dot makes one
// more spelling of the same host that rules would have to know.
func checkHost(host string) (string, error) {
	if len(host) > maxHost {
		return "", errHost
	}
	name, port := host, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return "", errHost
		}
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", errHost
		}
		name, port = "", host[end+1:]
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	if port != "" && !validPort(port) {
		return "", errHost
	}
	if host[:len(host)-len(port)] == "" {
		return "", errHost
	}
	dot := true // a name neither starts nor ends with a dot, nor has two in a row
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return "", errHost
		}
	}
	if dot && name != "" {
		return "", errHost
	}
	return strings.ToLower(host), nil
}

// validPort reports whether s is a colon and a port number from 1 to 65535.
func validPort(s string) bool {
	if s[0] != ':' || len(s) < 2 || len(s) > 6 || s[1] == '0' {
		return false
	}
	n := 0
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

// checkMethod accepts the tokens of RFC 9110 §5.6.2, up to 32 bytes.
func checkMethod(m string) error {
	if m == "" || len(m) > 32 {
		return errMethod
	}
	for _, c := range []byte(m) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return errMethod
		}
	}
	return nil
}

// splitAbsolute cuts an absolute URL into scheme, authority and the rest. It checks nothing.
func splitAbsolute(s string) (scheme, host, uri string, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", "", "", errAbsolute
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "", "", "", errAbsolute
	}
	return scheme, rest[:i], rest[i:], nil
}
