package parent

import (
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// Info returns what queries see of the parent request, external-auth-server's parentRequestInfo: uri, parsedUri,
// parsedQuery and, if it is not "", method. Both arguments are header bytes; queries see them as Latin-1.
//
// It differs from external-auth-server for ws and wss, where that one drops path and query from parsedUri,
// so that rules on the path would not hold for WebSockets.
func Info(method, uri string) *query.Object {
	uri = query.Latin1(uri)
	parsed, q := parsedURI(uri)
	o := query.NewObject(4)
	o.Set("uri", uri)
	o.Set("parsedUri", parsed)
	o.Set("parsedQuery", queryOf(q))
	if method != "" {
		o.Set("method", query.Latin1(method))
	}
	return o
}

// queryOf and hostOf are the members that cost most to build, for the queries that look at them.
type (
	queryOf string
	hostOf  struct{ *components }
)

// Build implements [query.Lazy].
func (q queryOf) Build() query.Value { return parseQuery(string(q)) }

// Build implements [query.Lazy].
func (h hostOf) Build() query.Value { return h.normalizedHost() }

// parsedURI returns the normalized components of uri, and its query once more.
func parsedURI(uri string) (*query.Object, string) {
	c := splitURI(uri)
	o := query.NewObject(8)
	scheme := normalizeScheme(c.scheme.s)
	if c.scheme.set {
		o.Set("scheme", scheme)
	}
	if c.userinfo.set {
		o.Set("userinfo", normalize(c.userinfo.s, userinfoChars))
	}
	if c.host.set {
		o.Set("host", hostOf{&c})
	}
	if c.port.set {
		o.Set("port", portValue(c.port.s))
	}
	chars := relativePathChars
	if scheme != "" {
		chars = pathChars
	}
	o.Set("path", normalize(c.path, chars))
	var q string
	if c.query.set {
		q = normalize(c.query.s, queryChars)
		o.Set("query", q)
	}
	if c.fragment.set {
		o.Set("fragment", normalize(c.fragment.s, queryChars))
	}
	o.Set("reference", c.reference())
	if s := strings.ToLower(c.scheme.s); c.host.s == "" && (s == "http" || s == "https") {
		o.Set("error", "HTTP URIs must have a host.")
	}
	return o, q
}

// normalizeScheme drops what no scheme can hold.
func normalizeScheme(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '-', r == '.':
			return r
		}
		return -1
	}, strings.ToLower(decodeEscapes(s, true)))
}
