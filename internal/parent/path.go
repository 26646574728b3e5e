package parent

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// setURI checks uri, a path with an optional query, and sets u's path and query from it.
//
// The path must mean one thing to everybody: no dot segments, not even encoded or behind a backslash, because some
// servers resolve them and others do not. The query decides no route, so it may hold whatever browsers put there.
func setURI(u *url.URL, uri string) error {
	if uri == "" || uri[0] != '/' {
		return errURI
	}
	path, query, hasQuery := strings.Cut(uri, "?")
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return errByte
		}
	}
	decoded, err := checkPath(path)
	if err != nil {
		return err
	}
	u.Path = decoded
	if decoded != path {
		u.RawPath = path
	}
	u.RawQuery = query
	u.ForceQuery = hasQuery && query == ""
	return nil
}

// checkPath returns path with its escapes decoded.
func checkPath(path string) (string, error) {
	// Only a path with an escape, a byte beyond ASCII or a segment that starts or ends with a dot needs a closer look.
	closer, escaped := false, false
	prev := byte(0)
	for i := range len(path) {
		c := path[i]
		switch {
		case c <= ' ' || c == 0x7f || c == '#' || c == '\\' || c == '?':
			return "", errByte
		case c == '%':
			closer, escaped = true, true
		case c >= 0x80 || (c == '.' && prev == '/') || ((c == '/' || c == ';') && prev == '.'):
			closer = true
		}
		prev = c
	}
	if !closer && prev != '.' {
		return path, nil
	}
	decoded := path
	if escaped {
		var err error
		if decoded, err = url.PathUnescape(path); err != nil {
			return "", errEscape
		}
		for i := range len(decoded) {
			if decoded[i] < ' ' || decoded[i] == 0x7f {
				return "", errByte
			}
		}
	}
	return decoded, checkSegments(decoded)
}

// maxDecodings is how often an upstream may decode a path before it is served. Two is a common mistake.
const maxDecodings = 3

// checkSegments refuses a decoded path in which a server on the way could find "." or "..", or another segment than
// is written: also one that decodes again, takes a backslash for a slash, cuts parameters (..;x) or trailing blanks
// and dots ("admin.", as Windows does) off a segment, or accepts overlong UTF-8.
func checkSegments(path string) error {
	for range maxDecodings {
		if overlong(path) {
			return errEscape
		}
		if hasDotSegment(path) {
			return errDotSegment
		}
		if strings.IndexByte(path, '%') < 0 {
			return nil
		}
		again := decodeLeniently(path)
		if again == path {
			return nil
		}
		path = again
	}
	return errEscape
}

// hasDotSegment reports whether a segment, without its parameters, ends in a dot or a blank.
func hasDotSegment(path string) bool {
	params := false
	prev := byte('/')
	for i := range len(path) {
		c := path[i]
		switch c {
		case '/', '\\', ';':
			if !params && (prev == '.' || prev == ' ') {
				return true
			}
			params = c == ';'
		}
		prev = c
	}
	return !params && (prev == '.' || prev == ' ')
}

// canonicalPath gives path, in bytes, one spelling: what nginx and applications take for the same character whether
// it is escaped or not (RFC 3986: unreserved, sub-delims, ":" and "@") is not escaped, everything else is, in
// capitals.
func canonicalPath(path string) string {
	if isNormal(path, pathChars) {
		return path
	}
	b := make([]byte, 0, len(path)+16)
	for i := 0; i < len(path); i++ {
		c, escaped := path[i], false
		if c == '%' && isEscape(path[i:]) {
			c, escaped = unhex(path[i+1])<<4|unhex(path[i+2]), true
			i += 2
		}
		if plain := c < utf8.RuneSelf && pathChars[c]; plain && (!escaped || c != '/' && c != '%') {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// overlong reports whether s spells an ASCII character, or any in four bytes, longer than UTF-8 may (RFC 3629 §10).
func overlong(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		next := s[i+1]
		switch s[i] {
		case 0xc0, 0xc1:
			if next&0xc0 == 0x80 {
				return true
			}
		case 0xe0:
			if next == 0x80 || next == 0x81 {
				return true
			}
		case 0xf0:
			if next >= 0x80 && next < 0x90 {
				return true
			}
		}
	}
	return false
}

// decodeLeniently decodes the percent escapes of s that are well formed.
func decodeLeniently(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
