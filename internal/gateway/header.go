package gateway

import (
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/internal/httpfield"
)

// described are the headers in which proxies describe a request. Applications that take one of them for the path, the
// host or the client would serve what was never decided; some are set anew.
var described = map[string]bool{
	"Forwarded": true, "X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Method": true,
	"X-Forwarded-Port":   true,
	"X-Forwarded-Prefix": true, "X-Forwarded-Proto": true, "X-Forwarded-Server": true, "X-Forwarded-Uri": true,
	"X-Original-Host": true, "X-Original-Method": true, "X-Original-Uri": true, "X-Original-Url": true, "X-Real-Ip": true,
	"X-Replaced-Path": true, "X-Rewrite-Url": true, "X-Eas-Request-Uri": true, "X-Eas-Verify-Params": true,
	"X-Forwarded-Ssl": true, "X-Forwarded-Scheme": true, "X-Client-Ip": true,
}

// identities are what logins are usually told in: also a config token that sends none of them lets none of the
// client's pass.
var identities = map[string]bool{
	"X-Auth-Subject": true, "X-Userinfo": true, "X-Id-Token": true, "X-Access-Token": true,
}

// rewrite makes the request that is sent. The client's hop-by-hop headers are gone.
func (t *Route) rewrite(r *httputil.ProxyRequest) {
	p := lifeOf(r.In.Context()).passage
	u, h := r.Out.URL, r.Out.Header
	u.Scheme, u.Host = t.cfg.Upstream.Scheme, t.cfg.Upstream.Host
	// Opaque is sent as it is; ReverseProxy has removed what it cannot parse from the query.
	u.Opaque, u.RawQuery, u.ForceQuery = t.target(r.In.URL.EscapedPath()), r.In.URL.RawQuery, r.In.URL.ForceQuery
	if raw := r.In.RequestURI; strings.HasPrefix(raw, "/") {
		u.Opaque = t.target(raw)
	}
	r.Out.Host = p.Host
	r.Out.Trailer = nil // an application may take its fields for headers
	for name := range h {
		if stripped(name, p.Header) {
			delete(h, name)
		}
	}
	if up := h.Get("Upgrade"); up != "" && !strings.EqualFold(up, "websocket") {
		// HTTP/2 in clear would be a tunnel for requests that nobody decides.
		delete(h, "Upgrade")
		delete(h, "Connection")
	}
	if p.Private != nil {
		keepCookies(h, p.Private)
	}
	for name, values := range p.Header {
		if name = textproto.CanonicalMIMEHeaderKey(name); ofMessage(name) {
			continue
		}
		delete(h, name)
		if len(values) > 0 && values[0] != "" {
			h[name] = values
		}
	}
	h["X-Forwarded-Proto"] = []string{p.Scheme}
	h["X-Forwarded-Host"] = []string{p.Host}
	if p.Client.IsValid() {
		client := []string{p.Client.String()}
		h["X-Forwarded-For"], h["X-Real-Ip"] = client, client
	}
}

// stripped reports whether a header of the client's stays here: one that describes the request, or names who sends it,
// also where it is written with underscores, which many applications take for dashes.
func stripped(name string, identity http.Header) bool {
	if strings.IndexByte(name, '_') >= 0 {
		name = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if name == "Authorization" || name == "Cookie" {
			return true
		}
	}
	if described[name] || identities[name] {
		return true
	}
	_, ok := identity[name]
	return ok
}

// ofMessage reports whether a header is about a connection or a body, and never about who somebody is.
func ofMessage(name string) bool {
	switch name {
	case "Host", "Expect", "Content-Length", "Content-Type", "Content-Encoding", "Set-Cookie", "Location", "Cache-Control",
		"Date":
		return true
	}
	return httpfield.OfConnection(name)
}

// keepCookies removes the cookies that are private.
func keepCookies(h http.Header, private func(string) bool) {
	lines := h["Cookie"]
	kept := lines[:0:0]
	for _, line := range lines {
		var rest []string
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if pair = strings.TrimSpace(pair); pair != "" && !private(strings.TrimSpace(name)) {
				rest = append(rest, pair)
			}
		}
		if len(rest) > 0 {
			kept = append(kept, strings.Join(rest, "; "))
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// modifyResponse adds what easgate answers with, and watches the body.
func modifyResponse(res *http.Response) error {
	l := lifeOf(res.Request.Context())
	l.touch()
	l.began.Store(true)
	if res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 {
		l.last()
	}
	for name, values := range l.passage.Reply {
		res.Header[name] = append(res.Header[name], values...)
	}
	if l.passage.Answered != nil {
		l.passage.Answered(res.Header)
	}
	res.Body = l.watch(res.Body)
	return nil
}

// IsUpgrade reports whether r asks for another protocol on its connection.
func IsUpgrade(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header["Connection"], "Upgrade")
}
