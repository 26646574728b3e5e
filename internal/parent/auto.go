package parent

import "fmt"

// What an operator does about a request that auto refuses.
const (
	hintProfile = "set proxy=nginx, ingress-nginx, traefik, caddy, haproxy or envoy in the verify URL, or " +
		"EAS_PROXY_PROFILE, so that one family of headers is read"
	hintStrip = "set strip=trust in the verify URL if the route's middleware always sets it, else proxy=traefik, " +
		"which does not read it"
)

func contradicts(name, value, other, hint string) error {
	return fmt.Errorf("parent request: %s: %s: contradicts %s; %s", name, shown(value), other, hint)
}

// parseAuto takes what external-auth-server would read, if everything that is there says the same. Whoever forges a
// header of a family that the proxy does not set makes a contradiction with the one that it sets.
func parseAuto(in Input) (Request, error) {
	if in.Suffix != "" {
		return autoEnvoy(in)
	}
	method, err := autoMethod(in)
	if err != nil {
		return Request{}, err
	}
	var found Request
	from := ""
	for _, name := range [...]string{hEASURI, hOriginalURL, hURI} {
		v, err := optional(in.Header, name)
		if err != nil {
			return Request{}, err
		}
		if v == "" {
			continue
		}
		var r Request
		if name == hURI {
			r, err = autoForwarded(in, v, method)
		} else {
			r, err = parseURL(name, v, hOriginalMethod, method, true)
		}
		if err != nil {
			return Request{}, err
		}
		if from != "" && r.URI() != found.URI() {
			return Request{}, contradicts(name, v, from, hintProfile)
		}
		found, from = r, name
	}
	if from == "" {
		return Request{}, fmt.Errorf("parent request: %s: missing; %s", hURI, hintProfile)
	}
	return found, nil
}

func autoMethod(in Input) (string, error) {
	forwarded, err := optional(in.Header, hMethod)
	if err != nil {
		return "", err
	}
	original, err := optional(in.Header, hOriginalMethod)
	if err != nil {
		return "", err
	}
	if forwarded != "" && original != "" && forwarded != original {
		return "", contradicts(hOriginalMethod, original, hMethod, hintProfile)
	}
	if forwarded == "" {
		return original, nil
	}
	return forwarded, nil
}

// autoForwarded reads the X-Forwarded family. The Host header stands in for X-Forwarded-Host.
func autoForwarded(in Input, uri, method string) (Request, error) {
	r := raw{
		method: method, methodOptional: true, host: in.Host, uri: uri,
		methodName: hMethod, protoName: hProto, hostName: "Host", uriName: hURI,
	}
	var err error
	if r.proto, err = required(in.Header, hProto); err != nil {
		return Request{}, err
	}
	host, err := optional(in.Header, hHost)
	if err != nil {
		return Request{}, err
	}
	if host != "" {
		r.host, r.hostName = host, hHost
	}
	if in.TrustStrip {
		if r.uri, err = unstrip(in.Header, uri); err != nil {
			return Request{}, err
		}
		return r.check()
	}
	replaced, err := optional(in.Header, hReplacedPath)
	if err != nil {
		return Request{}, err
	}
	prefix, err := optional(in.Header, hPrefix)
	if err != nil {
		return Request{}, err
	}
	if replaced != "" && glueStripped(replaced, "", uri) != uri {
		return Request{}, contradicts(hReplacedPath, replaced, hURI, hintStrip)
	}
	if prefix != "" && glueStripped("", prefix, uri) != uri {
		return Request{}, contradicts(hPrefix, prefix, hURI, hintStrip)
	}
	return r.check()
}

// autoEnvoy reads Envoy's suffix. external-auth-server would prefer three headers to what Envoy says: if they are
// there, they must say the same.
func autoEnvoy(in Input) (Request, error) {
	r, err := parseEnvoy(in)
	if err != nil {
		return Request{}, err
	}
	const hint = "set proxy=envoy in the verify URL or EAS_PROXY_PROFILE, so that it is not read"
	for _, name := range [...]string{hEASURI, hOriginalURL} {
		v, err := optional(in.Header, name)
		if err != nil {
			return Request{}, err
		}
		if v != "" && v != r.URI() {
			return Request{}, contradicts(name, v, "Envoy's path", hint)
		}
	}
	host, err := optional(in.Header, hHost)
	if err != nil {
		return Request{}, err
	}
	if host != "" && host != in.Host {
		return Request{}, contradicts(hHost, host, "Host", hint)
	}
	return r, nil
}
