package plugins

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/text/unicode/norm"
)

// Basic holds the credentials of Basic authentication (RFC 7617). The zero value never authenticates anybody.
type Basic struct {
	User, Password string
}

// BasicConfig are the options of plugins that take Basic credentials.
type BasicConfig struct {
	// HeaderName is the header that carries the credentials, such as Proxy-Authorization where the application has a use
	// for Authorization. Default Authorization.
	HeaderName string `json:"header_name,omitempty"`
	// BasicCharset is how names and passwords are read: utf-8, or auto, which takes for Latin-1 what is not UTF-8, as
	// old clients send it. Default utf-8.
	BasicCharset string `json:"basic_charset,omitempty" enum:"utf-8,UTF-8,auto"`
}

// Migrate says what is otherwise than in external-auth-server; see [Migrator].
func (*BasicConfig) Migrate(say func(text string)) {
	say("challenges ask for UTF-8, every Authorization header is looked at, and names and passwords are compared in " +
		"Unicode's NFC; " +
		"there the first header counts, byte by byte")
}

// A BasicReader reads the credentials of requests and asks for them.
type BasicReader struct {
	header string
	// native reads as RFC 7617 has it; otherwise it is external-auth-server's way.
	native, latin1 bool
	challenge      []string
}

// Reader returns a reader whose challenges name realm.
func (c *BasicConfig) Reader(realm string, native bool) (*BasicReader, error) {
	b := &BasicReader{header: "Authorization", native: native}
	if c.HeaderName != "" {
		if !httpguts.ValidHeaderFieldName(c.HeaderName) {
			return nil, errors.New("header_name: not the name of a header")
		}
		b.header = textproto.CanonicalMIMEHeaderKey(c.HeaderName)
	}
	switch strings.ToLower(c.BasicCharset) {
	case "", "utf-8":
	case "auto":
		b.latin1 = true
	default:
		return nil, errors.New("basic_charset: want utf-8 or auto")
	}
	if b.header == "Authorization" {
		challenge := "Basic realm=" + QuotedString(realm)
		if native {
			// Without it Java and others send Latin-1 (RFC 7617 §2.1).
			challenge += `, charset="UTF-8"`
		}
		b.challenge = []string{challenge}
	}
	return b, nil
}

// Credentials returns the credentials of a request. tried is false when it does not use the Basic scheme at all; it is
// true with a zero Basic when it does but cannot be understood.
//
// In native tokens every header of the name is looked at, also where a proxy has joined them by commas; two different
// credentials are none. Characters that can be written in two ways are in one (Unicode's NFC), so that what was typed
// on one system matches what was on another. In tokens of external-auth-server's format the first header counts, and
// bytes are as sent.
func (b *BasicReader) Credentials(h http.Header) (c Basic, tried bool) {
	values := h[b.header]
	if !b.native {
		if len(values) > 0 {
			c, tried = parseBasic(values[0], false)
		}
		return Basic{b.text(c.User), b.text(c.Password)}, tried
	}
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			one, ok := parseBasic(strings.TrimLeft(part, " \t"), true)
			switch {
			case ok && tried && one != c:
				return Basic{}, true
			case ok:
				c, tried = one, true
			}
		}
	}
	return Basic{b.text(c.User), b.text(c.Password)}, tried
}

// text returns s as characters.
func (b *BasicReader) text(s string) string {
	if b.latin1 && !utf8.ValidString(s) {
		r := make([]rune, len(s))
		for i := range len(s) {
			r[i] = rune(s[i])
		}
		s = string(r)
	}
	if b.native {
		s = norm.NFC.String(s)
	}
	return s
}

// Unauthorized returns the answer to a request that did not authenticate: 401, with a challenge unless the credentials
// belong into another header than Authorization, where no browser puts them. c are those that it tried, if any.
func (b *BasicReader) Unauthorized(v Verdict, c Basic, reason string) Result {
	res := Result{Verdict: v, Status: http.StatusUnauthorized, Tried: c.User, Reason: reason}
	if len(b.challenge) > 0 {
		res.Header = http.Header{"Www-Authenticate": b.challenge[:1:1]}
	}
	return res
}

// parseBasic reads the value of a header. ok is false when it is not of the Basic scheme.
//
// The reading is external-auth-server's: the scheme in any case, one space, or more of them in native tokens
// (RFC 9110 §11.4), base64 in either alphabet up to the first "=" or space, whatever follows ignored.
func parseBasic(value string, native bool) (c Basic, ok bool) {
	rest, ok := strings.CutPrefix(value, "Basic ")
	if !ok {
		var scheme string
		if scheme, rest, _ = strings.Cut(value, " "); !strings.EqualFold(scheme, "Basic") {
			return Basic{}, false
		}
	}
	if native {
		rest = strings.TrimLeft(rest, " ")
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
