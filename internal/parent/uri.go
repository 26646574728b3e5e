package parent

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// This file reads a URI as uri-js 4 does, the library behind parentRequestInfo.parsedUri: by RFC 3986, appendix B,
// never failing, and normalizing each component by its section 6.2.2, but for dot segments.

// An opt is a component that may be missing, which is not the same as empty.
type opt struct {
	s   string
	set bool
}

// components are the parts of a URI as they stand in it. A missing path is empty.
type components struct {
	scheme, userinfo, host, port, query, fragment opt
	path                                          string
}

// splitURI cuts s into its components.
func splitURI(s string) components {
	var c components
	if i := strings.IndexAny(s, ":/?#"); i > 0 && s[i] == ':' {
		c.scheme, s = opt{s[:i], true}, s[i+1:]
	}
	if strings.HasPrefix(s, "//") {
		s = c.splitAuthority(s[2:])
	}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		c.fragment, s = opt{s[i+1:], true}, s[:i]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		c.query, s = opt{s[i+1:], true}, s[:i]
	}
	c.path = s
	return c
}

// splitAuthority takes userinfo, host and port off s and returns what is left.
func (c *components) splitAuthority(s string) string {
	end := strings.IndexAny(s, "/?#")
	if end < 0 {
		end = len(s)
	}
	a, rest := s[:end], s[end:]
	if i := strings.IndexByte(a, '@'); i >= 0 {
		c.userinfo, a = opt{a[:i], true}, a[i+1:]
	}
	n := strings.IndexByte(a, ':')
	if n < 0 {
		n = len(a)
	}
	if i := strings.IndexByte(a, ']'); i > 1 && a[0] == '[' {
		n = i + 1
	}
	c.host, a = opt{a[:n], true}, a[n:]
	if strings.HasPrefix(a, ":") {
		i := 1
		for i < len(a) && '0' <= a[i] && a[i] <= '9' {
			i++
		}
		c.port, a = opt{a[1:i], true}, a[i:]
	}
	return a + rest
}

// portValue is what JavaScript's parseInt makes of a port: a number, or the text if it is empty.
func portValue(port string) any {
	if f, err := strconv.ParseFloat(port, 64); err == nil {
		return f
	}
	return port
}

// reference is uri-js's word for the kind of URI.
func (c *components) reference() string {
	switch {
	case c.scheme.set && c.fragment.set:
		return "uri"
	case c.scheme.set:
		return "absolute"
	case !c.userinfo.set && !c.host.set && !c.port.set && c.path == "" && !c.query.set:
		return "same-document"
	}
	return "relative"
}

// httpLike reports whether c's scheme has host names, which are written in ASCII.
func (c *components) httpLike() bool {
	switch strings.ToLower(c.scheme.s) {
	case "http", "https", "ws", "wss":
		return true
	}
	return false
}

// normalizedHost returns the host without brackets, in lower case and in ASCII.
func (c *components) normalizedHost() string {
	h := normalizeIP(c.host.s)
	if c.httpLike() {
		h = asciiLabels(strings.ToLower(decodeEscapes(h, false)))
	}
	return normalize(strings.ToLower(decodeEscapes(h, true)), hostChars)
}

// normalizeIP strips leading zeros from an IPv4 address, and writes an IPv6 address as RFC 5952 does.
func normalizeIP(host string) string {
	if octets := strings.Split(host, "."); len(octets) == 4 {
		for i, o := range octets {
			n, err := strconv.ParseUint(o, 10, 8)
			if err != nil || len(o) > 3 || o[0] == '+' {
				return host
			}
			octets[i] = strconv.FormatUint(n, 10)
		}
		return strings.Join(octets, ".")
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && a.Is6() && a.Zone() == "" {
		return a.String()
	}
	return host
}

// asciiLabels writes labels beyond ASCII in Punycode (RFC 3492).
func asciiLabels(host string) string {
	labels := strings.Split(host, ".")
	for i, l := range labels {
		if strings.IndexFunc(l, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			continue
		}
		if a, err := idna.Punycode.ToASCII(l); err == nil {
			labels[i] = a
		}
	}
	return strings.Join(labels, ".")
}

const (
	unreservedChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	delimChars      = "!$&'()*+,;=%"
)

// What stays as it is in each component; everything else is escaped.
var (
	userinfoChars     = charset(":")
	hostChars         = charset("[]:")
	pathChars         = charset("/:@")
	relativePathChars = charset("/@")
	queryChars        = charset(":@/?")
)

func charset(more string) *[utf8.RuneSelf]bool {
	var set [utf8.RuneSelf]bool
	for _, c := range unreservedChars + delimChars + more {
		set[c] = true
	}
	return &set
}

// normalize decodes the escapes of unreserved characters, escapes what is not in keep, and writes escapes in upper
// case.
func normalize(s string, keep *[utf8.RuneSelf]bool) string {
	if isNormal(s, keep) {
		return s
	}
	s = decodeEscapes(s, true)
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '%' && isEscape(s[i:]):
			b = append(b, '%', upper(s[i+1]), upper(s[i+2]))
			i += 3
		case c < utf8.RuneSelf && keep[c]:
			b = append(b, c)
			i++
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			i++
		}
	}
	return string(b)
}

// isNormal reports whether there is nothing to do, as in most.
func isNormal(s string, keep *[utf8.RuneSelf]bool) bool {
	for i := range len(s) {
		if c := s[i]; c == '%' || c >= utf8.RuneSelf || !keep[c] {
			return false
		}
	}
	return true
}

const upperHex = "0123456789ABCDEF"

func upper(c byte) byte {
	if 'a' <= c && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}

func isEscape(s string) bool { return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2]) }

// decodeEscapes decodes the escaped characters of s, and with unreserved only those groups of escapes in which an
// unreserved character comes out. A group is what uri-js takes for one character of UTF-8, up to three bytes of it.
func decodeEscapes(s string, unreserved bool) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if !isEscape(s[i:]) {
			b = append(b, s[i])
			i++
			continue
		}
		n := 3
		if first := s[i+1] | 0x20; (first == 'e' || first == 'f') && isEscape(s[i+3:]) && isEscape(s[i+6:]) {
			n = 9
		} else if !('0' <= first && first <= '7') && isEscape(s[i+3:]) {
			n = 6
		}
		group := s[i : i+n]
		if decoded := decodeGroup(group); !unreserved || strings.ContainsAny(decoded, unreservedChars) {
			group = decoded
		}
		b = append(b, group...)
		i += n
	}
	return string(b)
}

// decodeGroup decodes escapes as uri-js's pctDecChars does, overlong forms included.
func decodeGroup(s string) string {
	at := func(i int) rune { return rune(unhex(s[i+1]))<<4 | rune(unhex(s[i+2])) }
	var b []byte
	for i := 0; i < len(s); {
		c, n := at(i), 3
		switch {
		case c < 0x80:
			b = append(b, byte(c))
		case c >= 0xe0 && len(s)-i >= 9:
			n = 9
			b = utf8.AppendRune(b, c&15<<12|at(i+3)&63<<6|at(i+6)&63)
		case c >= 0xc2 && c < 0xe0 && len(s)-i >= 6:
			n = 6
			b = utf8.AppendRune(b, c&31<<6|at(i+3)&63)
		case c >= 0xc2:
			n = len(s) - i
			b = append(b, s[i:]...)
		default:
			b = append(b, s[i:i+3]...)
		}
		i += n
	}
	return string(b)
}
