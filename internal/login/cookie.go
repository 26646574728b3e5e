package login

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/plugins"
)

const (
	defaultSessionCookie = "_eas_oauth_session"
	browserCookie        = "_eas_oauth_csrf"
	hostPrefix           = "__Host-"
	// maxCookies of one name are looked at: browsers send several where an application sets one for a path or a domain.
	maxCookies = 4
)

// A jar sets and reads one cookie.
type jar struct {
	// name is the cookie's over https, plain over http at localhost, where browsers refuse the prefix.
	name, plain  string
	domain, path string
	httpOnly     bool
	secure       bool
	sameSite     http.SameSite
}

func newJar(name, byDefault string, o CookieOptions) (jar, error) {
	j := jar{name: name, plain: name, domain: strings.TrimPrefix(o.Domain, "."), path: o.Path,
		httpOnly: on(o.HTTPOnly, true), secure: on(o.Secure, true)}
	if j.path == "" {
		j.path = "/"
	}
	if name == "" {
		j.name, j.plain = byDefault, byDefault
		if j.secure && j.domain == "" && j.path == "/" {
			j.name = hostPrefix + byDefault
		}
	}
	switch strings.ToLower(o.SameSite) {
	case "", "lax":
		j.sameSite = http.SameSiteLaxMode
	case "strict", "true":
		j.sameSite = http.SameSiteStrictMode
	case "none":
		j.sameSite = http.SameSiteNoneMode
	default:
		return j, errors.New("sameSite: want lax, strict or none")
	}
	switch {
	case !httpguts.ValidHeaderFieldName(j.name):
		return j, errors.New("name: not the name of a cookie")
	case strings.ContainsAny(j.domain, ";, \t/:") || j.domain != "" && !httpguts.ValidHostHeader(j.domain):
		return j, errors.New("domain: not a host name")
	case !strings.HasPrefix(j.path, "/") || strings.ContainsAny(j.path, "; \t"):
		return j, errors.New("path: want one that starts with /")
	}
	return j, nil
}

// isLocal reports whether browsers take a host for trustworthy without TLS.
func isLocal(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") ||
		strings.HasSuffix(strings.ToLower(host), ".localhost")
}

// fits reports whether a browser keeps the cookie when u sets it.
func (j *jar) fits(u *url.URL) bool { return !j.secure || isHTTPS(u) || isLocal(u.Hostname()) }

// isHTTPS reports whether u is encrypted; a proxy may write a WebSocket's scheme as wss.
func isHTTPS(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "wss" }

func (j *jar) nameFor(u *url.URL) string {
	if isHTTPS(u) {
		return j.name
	}
	return j.plain
}

// set returns the cookie for a response to a request for u, to be kept for life: Max-Age, because browsers' clocks are
// wrong more often than ours. 0 is until the browser is closed.
func (j *jar) set(u *url.URL, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: j.nameFor(u), Value: value, Domain: j.domain, Path: j.path, MaxAge: int(life / time.Second),
		HttpOnly: j.httpOnly, Secure: j.secure && isHTTPS(u), SameSite: j.sameSite,
	}
}

// clear returns what removes the cookie.
func (j *jar) clear(u *url.URL) *http.Cookie { return j.set(u, "", -time.Second) }

// values returns the cookies of the name that r carries, at most [maxCookies]. buf is where they go.
func (j *jar) values(r *plugins.Request, buf []string) []string {
	name := j.nameFor(r.URL)
	for _, line := range r.Header["Cookie"] {
		for len(line) > 0 && len(buf) < maxCookies {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if key == name && value != "" {
				buf = append(buf, value)
			}
		}
	}
	return buf
}

// Cookies implements [plugins.CookieOwner].
func (p *Plugin) Cookies() []string {
	return []string{p.cookie.name, p.cookie.plain, p.browser.name, p.browser.plain}
}
