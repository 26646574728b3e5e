package parent

import (
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// Info returns what queries see of the parent request, external-auth-server's parentRequestInfo: uri, parsedUri,
// parsedQuery and, if it is not "", method. Both arguments are header bytes; queries see them as Latin-1.
// It is built as far as somebody looks.
//
// It differs from external-auth-server for ws and wss, where that one drops path and query from parsedUri,
// so that rules on the path would not hold for WebSockets. With canonical, for native tokens, parsedUri.path has one
// spelling for all that servers take for the same path, and the path as it was sent is parsedUri.rawPath.
func Info(method, uri string, canonical bool) *query.Object {
	i := &info{method: method, uri: query.Latin1(uri), raw: uri, canonical: canonical}
	i.object = query.Lazy(i)
	return &i.object
}

// info has the members of parentRequestInfo.
type info struct {
	method, uri string
	// raw is uri in bytes.
	raw       string
	canonical bool
	object    query.Object
	parsed    *parsedURI
	query     *query.Object
}

// Member implements [query.Members].
func (i *info) Member(key string) (query.Value, bool) {
	switch key {
	case "uri":
		return i.uri, true
	case "parsedUri":
		return &i.parse().object, true
	case "parsedQuery":
		if i.query == nil {
			i.query = parseQuery(i.parse().query())
		}
		return i.query, true
	case "method":
		if i.method != "" {
			return query.Latin1(i.method), true
		}
	}
	return query.Undefined{}, false
}

// All implements [query.Members].
func (i *info) All() *query.Object {
	return query.Collect(i, "uri", "parsedUri", "parsedQuery", "method")
}

func (i *info) parse() *parsedURI {
	if i.parsed == nil {
		i.parsed = &parsedURI{components: splitURI(i.uri)}
		if i.canonical {
			i.parsed.rawPath = opt{splitURI(i.raw).path, true}
		}
		i.parsed.object = query.Lazy(i.parsed)
	}
	return i.parsed
}

// parsedURI has the normalized components of a URI.
type parsedURI struct {
	components
	// rawPath is the path in bytes, set if path is canonical.
	rawPath opt
	object  query.Object
}

// Member implements [query.Members].
func (u *parsedURI) Member(key string) (query.Value, bool) {
	switch {
	case key == "scheme" && u.scheme.set:
		return u.normalizedScheme(), true
	case key == "userinfo" && u.userinfo.set:
		return normalize(u.userinfo.s, userinfoChars), true
	case key == "host" && u.host.set:
		return u.normalizedHost(), true
	case key == "port" && u.port.set:
		return portValue(u.port.s), true
	case key == "path" && u.rawPath.set:
		return canonicalPath(u.rawPath.s), true
	case key == "rawPath" && u.rawPath.set:
		return u.path, true
	case key == "path":
		if u.normalizedScheme() == "" {
			return normalize(u.path, relativePathChars), true
		}
		return normalize(u.path, pathChars), true
	case key == "query" && u.components.query.set:
		return u.query(), true
	case key == "fragment" && u.fragment.set:
		return normalize(u.fragment.s, queryChars), true
	case key == "reference":
		return u.reference(), true
	case key == "error" && u.host.s == "" &&
		(strings.EqualFold(u.scheme.s, "http") || strings.EqualFold(u.scheme.s, "https")):
		return "HTTP URIs must have a host.", true
	}
	return query.Undefined{}, false
}

// All implements [query.Members].
func (u *parsedURI) All() *query.Object {
	return query.Collect(u, "scheme", "userinfo", "host", "port", "path", "rawPath", "query", "fragment", "reference",
		"error")
}

// query is "" if there is none.
func (u *parsedURI) query() string { return normalize(u.components.query.s, queryChars) }

// normalizedScheme is without what no scheme can hold.
func (c *components) normalizedScheme() string {
	switch c.scheme.s {
	case "http", "https":
		return c.scheme.s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '-', r == '.':
			return r
		}
		return -1
	}, strings.ToLower(decodeEscapes(c.scheme.s, true)))
}
