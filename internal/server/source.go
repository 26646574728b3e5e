package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
)

// source shows one verify request to queries as Express and its parsers show it to external-auth-server.
// It implements [plugins.Source].
type source struct {
	header   http.Header
	host     string
	method   string
	rawQuery string
	major    int
	minor    int
	parent   *parent.Request
	// peer is the proxy that asked, trusted the list that it is on.
	peer    netip.Addr
	trusted parent.Trusted
	// cookieSecret verifies signed cookies; without it there are none.
	cookieSecret []byte

	brief, req, parentView *query.Object
	cookies, signed        *query.Object
}

// Brief implements [plugins.Source].
func (s *source) Brief() *query.Object {
	if s.brief == nil {
		s.parseCookies()
		s.brief = query.NewObject(2)
		s.brief.Set("headers", s.headers())
		s.brief.Set("cookies", s.cookies)
	}
	return s.brief
}

// Req implements [plugins.Source].
func (s *source) Req() *query.Object {
	if s.req == nil {
		headers, _ := s.Brief().Get("headers")
		o := query.NewObject(8)
		o.Set("headers", headers)
		o.Set("cookies", s.cookies)
		o.Set("signedCookies", s.signed)
		o.Set("query", parseQuery(s.rawQuery))
		o.Set("method", s.method)
		o.Set("httpVersionMajor", float64(s.major))
		o.Set("httpVersionMinor", float64(s.minor))
		o.Set("httpVersion", query.Number(float64(s.major))+"."+query.Number(float64(s.minor)))
		s.req = o
	}
	return s.req
}

// Parent implements [plugins.Source].
func (s *source) Parent() *query.Object {
	if s.parentView == nil {
		s.parentView = parent.Info(s.parent.Method, s.parent.URI)
	}
	return s.parentView
}

// ClientIP implements [plugins.Source].
func (s *source) ClientIP() netip.Addr {
	return parent.ClientIP(s.peer, s.header["X-Forwarded-For"], s.trusted)
}

// once are the headers of which Node.js keeps the first when they come twice.
var once = map[string]bool{
	"age": true, "authorization": true, "content-length": true, "content-type": true, "etag": true, "expires": true,
	"from": true, "host": true, "if-modified-since": true, "if-unmodified-since": true, "last-modified": true,
	"location": true, "max-forwards": true, "proxy-authorization": true, "referer": true, "retry-after": true,
	"server": true, "user-agent": true,
}

func (s *source) headers() *query.Object {
	names := make([]string, 1, len(s.header)+1)
	for name := range s.header {
		names = append(names, name)
	}
	slices.Sort(names[1:])
	keys, vals := names, make([]query.Value, len(names))
	keys[0], vals[0] = "host", query.Latin1(s.host)
	for i, name := range names[1:] {
		values := s.header[name]
		key := lowerCase(name)
		var v string
		switch {
		case len(values) == 1 || once[key]:
			v = values[0]
		case key == "cookie":
			v = strings.Join(values, "; ")
		default:
			v = strings.Join(values, ", ")
		}
		keys[i+1], vals[i+1] = key, query.Latin1(v)
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
func (s *source) parseCookies() {
	s.cookies, s.signed = &query.Object{}, &query.Object{}
	for _, line := range s.header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				continue
			}
			name, value = query.Latin1(strings.TrimSpace(name)), strings.TrimSpace(value)
			if _, dup := s.cookies.Get(name); dup {
				continue
			}
			if _, dup := s.signed.Get(name); dup {
				continue
			}
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if text, err := url.PathUnescape(value); err == nil && text != value {
				value = strings.ToValidUTF8(text, "\uFFFD")
			} else {
				value = query.Latin1(value)
			}
			if sealed, ok := strings.CutPrefix(value, "s:"); ok && len(s.cookieSecret) > 0 {
				s.signed.Set(name, s.unsign(sealed))
				continue
			}
			s.cookies.Set(name, jsonCookie(value))
		}
	}
}

// unsign returns the value of a cookie signed by external-auth-server, or false.
func (s *source) unsign(text string) query.Value {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return false
	}
	mac := hmac.New(sha256.New, s.cookieSecret)
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
