package parent

import (
	"errors"
	"net/http"
	"strings"
)

// parseForwarded reads the four headers that nginx (by our recipe), Traefik, Caddy and HAProxy send.
// All four are required: a missing one is a recipe that lost a line, and its value would be the client's to choose.
func parseForwarded(in Input) (Request, error) {
	r := raw{methodName: hMethod, protoName: hProto, hostName: hHost, uriName: hURI}
	var err error
	if r.uri, err = required(in.Header, hURI); err != nil {
		return Request{}, err
	}
	if r.proto, err = required(in.Header, hProto); err != nil {
		return Request{}, err
	}
	if r.host, err = required(in.Header, hHost); err != nil {
		return Request{}, err
	}
	if r.method, err = required(in.Header, hMethod); err != nil {
		return Request{}, err
	}
	if in.TrustStrip {
		if r.uri, err = unstrip(in.Header, r.uri); err != nil {
			return Request{}, err
		}
	}
	return r.check()
}

// unstrip returns the URI as the client sent it, where Traefik's ReplacePath or StripPrefix changed uri before the
// proxy asked. A route has one of the two; both at once means that the client added the other.
func unstrip(h http.Header, uri string) (string, error) {
	replaced, err := optional(h, hReplacedPath)
	if err != nil {
		return "", err
	}
	prefix, err := optional(h, hPrefix)
	if err != nil {
		return "", err
	}
	switch {
	case replaced == "" && prefix == "":
		return "", malformed(hReplacedPath+", "+hPrefix,
			errors.New("missing, although strip=trust says that the route sets one"))
	case replaced != "" && prefix != "":
		return "", malformed(hReplacedPath+", "+hPrefix, errors.New("both are there, a route sets one"))
	case !strings.HasPrefix(uri, "/"):
		return "", refused(hURI, uri, errURI)
	}
	name, path := hReplacedPath, replaced
	if prefix != "" {
		name, path = hPrefix, prefix
	}
	// By itself: a '?' in it would turn what follows into a query.
	if path[0] != '/' {
		return "", refused(name, path, errURI)
	}
	if _, err := checkPath(path); err != nil {
		return "", refused(name, path, err)
	}
	return glueStripped(replaced, prefix, uri), nil
}

// glueStripped puts a replaced path or a stripped prefix back, as external-auth-server does.
func glueStripped(replaced, prefix, uri string) string {
	if replaced != "" {
		_, query, _ := strings.Cut(uri, "?")
		if query == "" {
			return replaced
		}
		return replaced + "?" + query
	}
	return strings.TrimRight(prefix, "/") + uri
}
