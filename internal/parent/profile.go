package parent

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Profile is one kind of proxy, and so one way to name the parent request.
type Profile uint8

const (
	// Auto reads what external-auth-server would read, and refuses a request whose header families contradict each
	// other.
	Auto Profile = iota
	// Nginx, Traefik, Caddy and HAProxy send X-Forwarded-Method, -Proto, -Host and -Uri.
	Nginx
	// IngressNginx sends X-Original-URL, an absolute URL, and X-Original-Method.
	IngressNginx
	Traefik
	Caddy
	HAProxy
	// Envoy appends the path to the verify URL and sends the parent's own method and Host, with X-Forwarded-Proto.
	Envoy
	// EAS reads everything in external-auth-server's order and glues it unchecked: a client's headers can win.
	EAS
	// Direct is no proxy's: the request is its own parent, where easgate serves pages. No setting and no URL can name
	// it.
	Direct
)

var profileNames = [...]string{
	Auto: "auto", Nginx: "nginx", IngressNginx: "ingress-nginx", Traefik: "traefik",
	Caddy: "caddy", HAProxy: "haproxy", Envoy: "envoy", EAS: "eas", Direct: "direct",
}

// ParseProfile returns the profile of that name, as [Profile.String] gives it.
func ParseProfile(name string) (Profile, bool) {
	for i, n := range profileNames[:Direct] {
		if n == name {
			return Profile(i), true
		}
	}
	return Auto, false
}

// String returns the profile's name in flags and in the verify URL: "nginx", "ingress-nginx" ….
func (p Profile) String() string {
	if int(p) < len(profileNames) {
		return profileNames[p]
	}
	return fmt.Sprintf("profile(%d)", uint8(p))
}

// Input is what a verify request says about its parent.
type Input struct {
	// Header holds the headers of the verify request under canonical keys, as net/http reads them.
	Header http.Header
	// Host and Method are the verify request's own.
	Host, Method string
	// Suffix is the path and query that Envoy appended to the verify URL, and for Direct the request's own; ""
	// elsewhere.
	Suffix string
	// Scheme is that of the connection, and Forwarded says that its peer is a proxy, whose X-Forwarded-Proto and -Host
	// count. Both are for Direct.
	Scheme    string
	Forwarded bool
	// TrustStrip says that the route's middleware always sets X-Replaced-Path or X-Forwarded-Prefix (strip=trust).
	TrustStrip bool
}

// A Request is the parent request.
type Request struct {
	// Method is "" only if the proxy did not name it, which the profiles auto and eas accept.
	Method string
	// URL has scheme and host in lower case and, but for eas, neither userinfo nor fragment nor dot segments.
	URL url.URL
	// uri is URI's answer, or what follows scheme and host in it if target is set.
	uri    string
	target bool
}

// URI returns the absolute URL as text, path and query as the proxy wrote them, one byte a byte of the header.
func (r *Request) URI() string {
	if r.target {
		return r.URL.Scheme + "://" + r.URL.Host + r.uri
	}
	return r.uri
}

// Path returns the path in one spelling for all that servers take for the same path: RFC 3986 §6.2.2, and escapes of
// what has a meaning stay escapes.
func (r *Request) Path() string {
	path, _, _ := strings.Cut(r.uri, "?")
	if !r.target {
		path = splitURI(r.uri).path
	}
	return canonicalPath(path)
}

var errProfile = errors.New("parent request: unknown profile")

// Parse rebuilds the parent request. Its error names the header that is missing, malformed or in contradiction,
// shows a part of what it said that is fit for a log, and names the setting of the proxy that mends it where there
// is one.
func (p Profile) Parse(in Input) (Request, error) {
	r, err := p.parse(in)
	if errors.Is(err, errList) && hintList[p] != "" {
		err = fmt.Errorf("%w: %s", err, hintList[p])
	}
	return r, err
}

func (p Profile) parse(in Input) (Request, error) {
	switch p {
	case Auto:
		return parseAuto(in)
	case Nginx, Traefik, Caddy, HAProxy:
		return parseForwarded(in)
	case IngressNginx:
		return parseIngressNginx(in)
	case Envoy:
		return parseEnvoy(in)
	case EAS:
		return parseEAS(in)
	case Direct:
		return parseDirect(in)
	}
	return Request{}, errProfile
}
