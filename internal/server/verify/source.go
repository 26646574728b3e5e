package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
)

// source shows one verify request to queries as Express and its parsers show it to external-auth-server.
// It implements [plugins.Source].
type source struct {
	of *Request
	// cfg has the trusted proxies, and the secret of signed cookies; without one there are none.
	cfg *Config
	// native: what is shown is for a native token.
	native bool

	// views and parentView are made when somebody asks.
	views      *views
	parentView *query.Object
}

// views are what queries see of a request. Each is built as far as somebody looks.
type views struct {
	source                  *source
	brief, headers          query.Object
	req                     *query.Object
	cookies, signed, params *query.Object
}

// The members of the objects in views.
type (
	briefMembers  views
	headerMembers views
	reqMembers    views
)

func (s *source) view() *views {
	if s.views == nil {
		v := &views{source: s}
		v.brief = query.Lazy((*briefMembers)(v))
		v.headers = query.Lazy((*headerMembers)(v))
		s.views = v
	}
	return s.views
}

// showTo sets whom the request is shown to: queries of the verify URL saw it before the token was known.
func (s *source) showTo(native bool) {
	if native != s.native {
		s.native, s.views, s.parentView = native, nil, nil
	}
}

// Brief implements [plugins.Source].
func (s *source) Brief() *query.Object { return &s.view().brief }

// Req implements [plugins.Source].
func (s *source) Req() *query.Object {
	v := s.view()
	if v.req == nil {
		req := query.Lazy((*reqMembers)(v))
		v.req = &req
	}
	return v.req
}

// Parent implements [plugins.Source].
func (s *source) Parent() *query.Object {
	if s.parentView == nil {
		s.parentView = parent.Info(s.of.Parent.Method, s.of.Parent.URI(), s.native)
	}
	return s.parentView
}

// Member implements [query.Members].
func (m *briefMembers) Member(key string) (query.Value, bool) {
	v := (*views)(m)
	switch key {
	case "headers":
		return &v.headers, true
	case "cookies":
		v.parseCookies()
		return v.cookies, true
	case "clientIP":
		return v.source.clientIP()
	}
	return query.Undefined{}, false
}

// All implements [query.Members].
func (m *briefMembers) All() *query.Object { return query.Collect(m, "headers", "cookies", "clientIP") }

// Member implements [query.Members].
func (m *reqMembers) Member(key string) (query.Value, bool) {
	v := (*views)(m)
	s := v.source
	switch key {
	case "signedCookies":
		v.parseCookies()
		return v.signed, true
	case "query":
		if v.params == nil {
			v.params = parseQuery(s.of.RawQuery)
		}
		return v.params, true
	case "method":
		return s.of.Method, true
	case "httpVersionMajor":
		return float64(s.of.Major), true
	case "httpVersionMinor":
		return float64(s.of.Minor), true
	case "httpVersion":
		return query.Number(float64(s.of.Major)) + "." + query.Number(float64(s.of.Minor)), true
	}
	return (*briefMembers)(m).Member(key)
}

// All implements [query.Members].
func (m *reqMembers) All() *query.Object {
	return query.Collect(m, "headers", "cookies", "signedCookies", "query", "method",
		"httpVersionMajor", "httpVersionMinor", "httpVersion", "clientIP")
}

// URI implements [plugins.Source].
func (s *source) URI() string { return s.of.Parent.URI() }

// ClientIP implements [plugins.Source].
func (s *source) ClientIP() netip.Addr {
	return parent.ClientIP(s.of.Peer.Addr, s.of.Header["X-Forwarded-For"], s.cfg.Trusted)
}

// clientIP is a member of req that native tokens see, when it is known.
func (s *source) clientIP() (query.Value, bool) {
	if s.native {
		if a := s.ClientIP(); a.IsValid() {
			return a.String(), true
		}
	}
	return query.Undefined{}, false
}

// Member implements [query.Members].
func (m *headerMembers) Member(key string) (query.Value, bool) {
	s := m.source
	name := textproto.CanonicalMIMEHeaderKey(key)
	values, ok := s.of.Header[name]
	switch {
	case ok && lowerCase(name) == key:
		return query.Latin1(httpfield.Join(name, values)), true
	case key == "host":
		return query.Latin1(s.of.Host), true
	}
	return query.Undefined{}, false
}

// All implements [query.Members]. Like Member, it takes the names of s.of.Header to be canonical.
func (m *headerMembers) All() *query.Object {
	s := m.source
	names := make([]string, 1, len(s.of.Header)+1)
	for name := range s.of.Header {
		names = append(names, name)
	}
	slices.Sort(names[1:])
	keys, vals := names, make([]query.Value, len(names))
	keys[0], vals[0] = "host", query.Latin1(s.of.Host)
	for i, name := range names[1:] {
		keys[i+1] = lowerCase(name)
		vals[i+1] = query.Latin1(httpfield.Join(name, s.of.Header[name]))
	}
	return query.ObjectOf(keys, vals)
}

// lowerCase is the name of a header as Node.js shows it. The usual ones are written down, which saves making them anew
// for every request.
func lowerCase(name string) string {
	switch name {
	case "Accept":
		return "accept"
	case "Accept-Encoding":
		return "accept-encoding"
	case "Accept-Language":
		return "accept-language"
	case "Authorization":
		return "authorization"
	case "Cache-Control":
		return "cache-control"
	case "Connection":
		return "connection"
	case "Cookie":
		return "cookie"
	case "Referer":
		return "referer"
	case "User-Agent":
		return "user-agent"
	case "X-Forwarded-For":
		return "x-forwarded-for"
	case "X-Forwarded-Host":
		return "x-forwarded-host"
	case "X-Forwarded-Method":
		return "x-forwarded-method"
	case "X-Forwarded-Proto":
		return "x-forwarded-proto"
	case "X-Forwarded-Uri":
		return "x-forwarded-uri"
	case "X-Real-Ip":
		return "x-real-ip"
	}
	return strings.ToLower(name)
}

// parseCookies reads Cookie as the npm packages cookie and cookie-parser do: the first of a name wins, values are
// percent-decoded, "j:" holds JSON, "s:" is signed.
func (v *views) parseCookies() {
	if v.cookies != nil {
		return
	}
	s := v.source
	var cookies, signed query.Builder
	for _, line := range s.of.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				continue
			}
			name = query.Latin1(strings.TrimSpace(name))
			_, dup := cookies.Get(name)
			if _, signedToo := signed.Get(name); dup || signedToo {
				continue
			}
			value = cookieText(strings.TrimSpace(value))
			if sealed, ok := strings.CutPrefix(value, "s:"); ok && len(s.cfg.CookieSecret) > 0 {
				signed.Set(name, s.unsign(sealed))
				continue
			}
			cookies.Set(name, jsonCookie(value))
		}
	}
	v.cookies, v.signed = cookies.Object(), signed.Object()
}

// cookieText is a cookie's value without quotes and percent encoding.
func cookieText(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	if text, err := url.PathUnescape(value); err == nil && text != value {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return query.Latin1(value)
}

// unsign returns the value of a cookie signed by external-auth-server, or false.
func (s *source) unsign(text string) query.Value {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return false
	}
	mac := hmac.New(sha256.New, s.cfg.CookieSecret)
	mac.Write([]byte(text[:i]))
	if !hmac.Equal([]byte(base64.RawStdEncoding.EncodeToString(mac.Sum(nil))), []byte(text[i+1:])) {
		return false
	}
	return jsonCookie(text[:i])
}

func jsonCookie(value string) query.Value {
	if text, ok := strings.CutPrefix(value, "j:"); ok {
		if v, err := query.ParseJSON([]byte(text)); err == nil {
			return v
		}
	}
	return value
}
