package bearer

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
)

// A Source is a place where a request may carry a token.
type Source struct {
	// Header is a header's name.
	Header string `json:"header,omitempty"`
	// Scheme is the word before the token in that header. Default Bearer in Authorization and none in any other header.
	Scheme string `json:"scheme,omitempty"`
	// Cookie is a cookie's name. Of several cookies called so the first counts, the one of the longest path.
	Cookie string `json:"cookie,omitempty" secret:"false"`
	// Query is the name of a parameter of the parent URL. It may be given once only.
	Query string `json:"query,omitempty"`
}

// String names the place, for the log.
func (s *Source) String() string {
	switch {
	case s.Cookie != "":
		return "cookie " + s.Cookie
	case s.Query != "":
		return "query parameter " + s.Query
	case s.Scheme != "":
		return "header " + s.Header + " (" + s.Scheme + ")"
	}
	return "header " + s.Header
}

// check completes s, or says what is wrong with it.
func (s *Source) check() error {
	given := 0
	for _, name := range []string{s.Header, s.Cookie, s.Query} {
		if name != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("want one of header, cookie and query")
	case s.Scheme != "" && s.Header == "":
		return errors.New("scheme: needs header")
	case strings.ContainsFunc(s.Header, notInToken):
		return errors.New("header: not the name of a header")
	case strings.ContainsFunc(s.Cookie, notInToken):
		return errors.New("cookie: not the name of a cookie")
	case strings.ContainsAny(s.Scheme, " \t,"):
		return errors.New("scheme: want one word")
	}
	s.Header, s.Scheme = textproto.CanonicalMIMEHeaderKey(s.Header), strings.ToLower(s.Scheme)
	if s.Header == authorization && s.Scheme == "" {
		s.Scheme = bearer
	}
	return nil
}

const (
	authorization = "Authorization"
	bearer        = "bearer"
)

// notInToken reports whether r may not be in a header's name (RFC 9110 §5.6.2).
func notInToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// token returns the token that r carries here.
func (s *Source) token(r *plugins.Request) (token string, ok bool) {
	switch {
	case s.Cookie != "":
		return cookie(r.Header["Cookie"], s.Cookie)
	case s.Query != "":
		return parameter(r.URL.RawQuery, s.Query)
	}
	values := r.Header[s.Header]
	if len(values) == 0 || values[0] == "" {
		return "", false
	}
	value := values[0]
	if len(values) > 1 && s.Header != authorization {
		value = strings.Join(values, ", ")
	}
	if s.Scheme == "" {
		return value, true
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, s.Scheme) {
		return "", false
	}
	// RFC 6750 §2.1: one blank or more.
	return strings.TrimLeft(token, " "), true
}

// cookie returns the first cookie called name that has a value (RFC 6265 §5.4).
func cookie(lines []string, name string) (value string, ok bool) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if key == name && value != "" {
				return strings.Trim(value, `"`), true
			}
		}
	}
	return "", false
}

// parameter returns the parameter called name. Several are joined, which no token survives: the application might take
// another one than we do (RFC 6750 §2.3).
func parameter(query, name string) (value string, ok bool) {
	for pair := range strings.SplitSeq(query, "&") {
		key, v, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err != nil || k != name {
			continue
		}
		if text, err := url.QueryUnescape(v); err == nil {
			v = text
		}
		if ok {
			v = value + ", " + v
		}
		value, ok = v, true
	}
	return value, value != ""
}

// LintSources says what is unsafe about places where a token may be.
func LintSources(sources []Source, say func(text string)) {
	for i, s := range sources {
		if s.Query != "" {
			say(fmt.Sprintf("sources[%d].query: "+
				"proxies, applications and browsers keep URLs, and with them the token, in their logs", i))
		}
	}
}

// A Carrier knows where a request carries its token.
type Carrier struct {
	sources []Source
	// missing says where there was no token.
	missing string
	// challenges says that a refusal carries a challenge, inQuery that a URL may hold a token.
	challenges, inQuery bool
}

// NewCarrier returns the carrier for the options sources, or header_name and scheme. The default is Authorization with
// the scheme Bearer, and no scheme in any other header.
func NewCarrier(headerName, scheme string, sources []Source) (*Carrier, error) {
	c := &Carrier{sources: slices.Clone(sources)}
	switch {
	case sources == nil:
		one := Source{Header: headerName, Scheme: scheme}
		if headerName == "" {
			one.Header = authorization
		}
		if err := one.check(); err != nil {
			return nil, fmt.Errorf("header_name and scheme: %w", err)
		}
		c.sources = []Source{one}
	case headerName != "" || scheme != "":
		return nil, errors.New("sources: give it, or header_name and scheme")
	case len(sources) == 0:
		return nil, errors.New("sources: empty")
	}
	names := make([]string, len(c.sources))
	for i := range c.sources {
		s := &c.sources[i]
		if sources != nil {
			if err := s.check(); err != nil {
				return nil, fmt.Errorf("sources[%d]: %w", i, err)
			}
		}
		names[i] = s.String()
		c.inQuery = c.inQuery || s.Query != ""
		c.challenges = c.challenges || s.Query != "" || s.Scheme == bearer
	}
	c.missing = "no token: none in " + strings.Join(names, ", ")
	return c, nil
}

// Token returns the token of a request and where it was: in the first source that has one. ok is false when none has.
// Of several Authorization headers the first counts; several others are joined, as HTTP has it, which no token
// survives.
func (c *Carrier) Token(r *plugins.Request) (token string, from *Source, ok bool) {
	for i := range c.sources {
		if token, ok := c.sources[i].token(r); ok {
			return token, &c.sources[i], true
		}
	}
	return "", nil, false
}

// Realm is what the challenge to r names if the configuration does not say: the parent URI, without the query where
// that may hold a token.
func (c *Carrier) Realm(r *plugins.Request) string {
	uri := r.Source.URI()
	if c.inQuery {
		uri, _, _ = strings.Cut(uri, "?")
	}
	return uri
}

// Explain adds to err, if it is a [*jwtverify.Error], where the token was.
func (s *Source) Explain(err error) error {
	var e *jwtverify.Error
	if !errors.As(err, &e) || s.Header == authorization {
		return err
	}
	told := *e
	if told.Why != "" {
		told.Why += ", "
	}
	told.Why += "in the " + s.String()
	if s.Cookie != "" && e.Name == jwtverify.Invalid {
		told.Why += ": a cookie of another site?"
	}
	return &told
}

// Refuse returns the answer to a request whose token is refused because of e; nil for a request without one. Where the
// token may be presented as RFC 6750 says it carries a challenge (§3).
func (c *Carrier) Refuse(status int, realm string, e *jwtverify.Error) plugins.Result {
	res := plugins.Result{Verdict: plugins.Abstain, Status: status, Reason: c.missing}
	if e != nil {
		res.Verdict, res.Reason = plugins.Deny, e.Message
		if e.Why != "" {
			res.Reason += ": " + e.Why
		}
	}
	if c.challenges {
		b := append([]byte("Bearer realm="), plugins.QuotedString(realm)...)
		if e != nil {
			b = appendQuoted(append(b, ", error="...), e.Name)
			b = appendQuoted(append(b, ", error_description="...), e.Message)
		}
		res.Header = http.Header{"Www-Authenticate": {string(b)}}
	}
	return res
}

// appendQuoted appends s, whose bytes are sent as they are, as a quoted-string (RFC 9110 §5.6.4).
// [plugins.QuotedString] would read them as UTF-8 and send Latin-1, but a key id goes back to the client as it came.
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
