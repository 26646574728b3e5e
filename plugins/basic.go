package plugins

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Basic holds the credentials of Basic authentication (RFC 7617). The zero value never authenticates anybody.
type Basic struct {
	User, Password string
}

// BasicCredentials reads the credentials in the first Authorization header of h. tried is false when the request
// does not use the Basic scheme at all; it is true with a zero Basic when it does but cannot be understood.
//
// The reading is external-auth-server's: the scheme in any case, one space, base64 in either alphabet up to the first
// "=" or space, whatever follows ignored. User and Password are bytes as sent; UTF-8 in practice.
func BasicCredentials(h http.Header) (c Basic, tried bool) {
	values := h["Authorization"]
	if len(values) == 0 {
		return Basic{}, false
	}
	rest, ok := strings.CutPrefix(values[0], "Basic ")
	if !ok {
		var scheme string
		if scheme, rest, _ = strings.Cut(values[0], " "); !strings.EqualFold(scheme, "Basic") {
			return Basic{}, false
		}
	}
	enc := base64.RawStdEncoding
scan:
	for i := range len(rest) {
		switch rest[i] {
		case '=', ' ':
			rest = rest[:i]
			break scan
		case '-', '_':
			enc = base64.RawURLEncoding
		}
	}
	var stack [192]byte
	b, err := enc.AppendDecode(stack[:0], []byte(rest))
	if err != nil {
		return Basic{}, true
	}
	user, password, ok := strings.Cut(string(b), ":")
	if !ok {
		return Basic{}, true
	}
	return Basic{User: user, Password: password}, true
}

// QuotedString writes s as a quoted-string of RFC 9110 §5.6.4, for challenges. Header fields are Latin-1:
// what it cannot say, and control characters, become "?".
func QuotedString(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || (r >= 0x7f && r < 0xa0) || r > 0xff:
			b = append(b, '?')
		default:
			b = append(b, byte(r))
		}
	}
	return string(append(b, '"'))
}
