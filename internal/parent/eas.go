package parent

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// parseEAS does what external-auth-server does: the first of X-Eas-Request-Uri, X-Original-Url and the X-Forwarded
// family wins, whoever sent it, and the text is taken as it comes. Where external-auth-server would hang, without
// X-Forwarded-Proto or -Uri, it is an error.
func parseEAS(in Input) (Request, error) {
	method := joined(in.Header, hMethod)
	if in.Suffix != "" {
		method = in.Method
	}
	if method == "" {
		method = joined(in.Header, hOriginalMethod)
	}
	uri, err := easURI(in)
	if err != nil {
		return Request{}, err
	}
	return Request{Method: method, URL: splitURI(uri).url(), uri: uri}, nil
}

func easURI(in Input) (string, error) {
	for _, name := range [...]string{hEASURI, hOriginalURL} {
		if v := joined(in.Header, name); v != "" {
			return v, nil
		}
	}
	if in.Header[hProto] == nil {
		return "", malformed(hProto, errMissing)
	}
	uri := in.Suffix
	if uri == "" {
		if in.Header[hURI] == nil {
			return "", malformed(hURI, errMissing)
		}
		uri = joined(in.Header, hURI)
	}
	host := joined(in.Header, hHost)
	if host == "" {
		host = in.Host
	}
	base := joined(in.Header, hProto) + "://" + host
	if replaced := joined(in.Header, hReplacedPath); replaced != "" {
		base += replaced
		if q := splitURI(uri).query; q.s != "" {
			base += "?" + normalize(query.Latin1(q.s), queryChars)
		}
		return base, nil
	}
	if prefix := joined(in.Header, hPrefix); prefix != "" {
		base = strings.TrimRight(base+prefix, "/")
	}
	return base + uri, nil
}

// joined returns a header as Node.js gives it: several fields are joined by commas.
func joined(h http.Header, name string) string {
	if vs := h[name]; len(vs) == 1 {
		return vs[0]
	}
	return strings.Join(h[name], ", ")
}

// url returns c as net/url has it. What cannot be decoded stays as it is.
func (c components) url() url.URL {
	u := url.URL{Scheme: strings.ToLower(c.scheme.s), Host: strings.ToLower(c.host.s), Path: c.path, RawQuery: c.query.s,
		Fragment: c.fragment.s}
	if c.port.s != "" {
		u.Host += ":" + c.port.s
	}
	if p, err := url.PathUnescape(c.path); err == nil && p != c.path {
		u.Path, u.RawPath = p, c.path
	}
	if c.userinfo.set {
		name, password, ok := strings.Cut(c.userinfo.s, ":")
		u.User = url.User(name)
		if ok {
			u.User = url.UserPassword(name, password)
		}
	}
	return u
}
