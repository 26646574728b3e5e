package query

import "unicode/utf8"

// Latin1 returns the bytes of a header as JavaScript sees them: each byte is the character of that number (ISO 8859-1).
func Latin1(header string) string {
	if isASCII(header) {
		return header
	}
	b := make([]byte, 0, len(header)+8)
	for i := range len(header) {
		b = utf8.AppendRune(b, rune(header[i]))
	}
	return string(b)
}

// Latin1Bytes is the way back: each character of s becomes one byte of a header.
// ok is false if s has a character above U+00FF, which no header can carry.
func Latin1Bytes(s string) (header string, ok bool) {
	if isASCII(s) {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
