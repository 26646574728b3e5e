package parent

import (
	"net/url"
	"strings"
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
	// Only a path with an escape, a byte beyond ASCII or a segment that starts with a dot needs a closer look.
	closer, escaped := false, false
	prev := byte(0)
	for i := range len(path) {
		c := path[i]
		switch {
		case c <= ' ' || c == 0x7f || c == '#' || c == '\\' || c == '?':
			return "", errByte
		case c == '%':
			closer, escaped = true, true
		case c >= 0x80 || (c == '.' && prev == '/'):
			closer = true
		}
		prev = c
	}
	if !closer {
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

// checkSegments refuses a decoded path in which a server on the way could find "." or "..": also one that decodes
// again, takes a backslash for a slash, cuts parameters off a segment (..;x) or accepts overlong UTF-8.
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

func hasDotSegment(path string) bool {
	dots, only := 0, true
	for i := range len(path) {
		switch path[i] {
		case '/', '\\':
			if only && (dots == 1 || dots == 2) {
				return true
			}
			dots, only = 0, true
		case ';':
			if only && (dots == 1 || dots == 2) {
				return true
			}
			only = false
		case '.':
			dots++
		default:
			only = false
		}
	}
	return only && (dots == 1 || dots == 2)
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
