package bearer

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/easgate/easgate/plugins"
)

// A Carrier knows which header carries a token, and how.
type Carrier struct {
	header string
	// scheme is the word before the token, in lower case; "" for none.
	scheme string
}

// NewCarrier returns the carrier for the options header_name and scheme. The defaults are Authorization with the
// scheme Bearer, and no scheme in any other header.
func NewCarrier(headerName, scheme string) (Carrier, error) {
	c := Carrier{header: "Authorization", scheme: strings.ToLower(scheme)}
	if headerName != "" {
		if strings.ContainsFunc(headerName, notInToken) {
			return Carrier{}, errors.New("header_name: not the name of a header")
		}
		c.header = textproto.CanonicalMIMEHeaderKey(headerName)
	}
	if strings.ContainsAny(scheme, " \t,") {
		return Carrier{}, errors.New("scheme: want one word")
	}
	if c.header == "Authorization" && c.scheme == "" {
		c.scheme = "bearer"
	}
	return c, nil
}

// notInToken reports whether r may not be in a header's name (RFC 9110 §5.6.2).
func notInToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// Token returns the token of a request; ok is false when it has none of this kind. Of several Authorization headers the
// first counts; several others are joined, as HTTP has it, which no token survives.
func (c *Carrier) Token(h http.Header) (token string, ok bool) {
	values := h[c.header]
	if len(values) == 0 || values[0] == "" {
		return "", false
	}
	value := values[0]
	if len(values) > 1 && c.header != "Authorization" {
		value = strings.Join(values, ", ")
	}
	if c.scheme == "" {
		return value, true
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, c.scheme) {
		return "", false
	}
	return token, true
}

// An Error says why a token is refused. What is for the client holds nothing that the client did not send or the
// configuration does not say to everybody.
type Error struct {
	// Name is the challenge's error parameter: jsonwebtoken's class of error, or what RFC 6750 §3.1 calls it.
	Name string
	// Message is the challenge's error_description.
	Message string
	// Why is for the log alone: what the token has, and what was wanted.
	Why string
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Refuse returns the answer to a request whose token is refused because of e; nil for a request without one. Where the
// scheme is Bearer it carries a challenge (RFC 6750 §3).
func (c *Carrier) Refuse(status int, realm string, e *Error) plugins.Result {
	res := plugins.Result{Verdict: plugins.Abstain, Status: status, Reason: "no token"}
	if e != nil {
		res.Verdict, res.Reason = plugins.Deny, e.Message
		if e.Why != "" {
			res.Reason += ": " + e.Why
		}
	}
	if c.scheme == "bearer" {
		b := append([]byte("Bearer realm="), plugins.QuotedString(realm)...)
		if e != nil {
			b = appendQuoted(append(b, ", error="...), e.Name)
			b = appendQuoted(append(b, ", error_description="...), e.Message)
		}
		res.Header = http.Header{"Www-Authenticate": {string(b)}}
	}
	return res
}

// appendQuoted appends s, whose bytes are sent as they are, as a quoted-string (RFC 9110 §5.6.4). [plugins.QuotedString]
// would read them as UTF-8 and send Latin-1, but a key id goes back to the client as it came.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '?')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
