package plugins

import (
	"net/http"
	"net/netip"
	"net/url"

	"github.com/easgate/easgate/internal/query"
)

// A Request is what a plugin judges: the parent request, as the proxy described it. It lives for one verification
// and is used by one goroutine.
type Request struct {
	// Method is the parent request's method; "" when the proxy did not name it.
	Method string
	// URL is the parent request's absolute URL, each part parsed and checked by itself. Never nil.
	URL *url.URL
	// Header holds the headers of the verify request: the client's own, as the proxy passed them on.
	// Forwarding headers in it are not to be trusted; use Method, URL and Source.ClientIP. Read only.
	Header http.Header
	// Source builds the views of the request that queries see. Never nil.
	Source Source
	// Token shows the config token to plugins that are a [TokenReader]; nil for others.
	Token Token
}

// A Token is the config token that a request is judged by.
type Token interface {
	// ConfigToken is the token as queries see it: its claims, and the defaults that EAS adds. Do not change it.
	ConfigToken() query.Value
}

// A Source describes one request to queries, in external-auth-server's words. Each view is built when it is first
// asked for, and shared after that: do not change it. Header bytes are read as Latin-1, as Node.js does.
type Source interface {
	// Brief is what rules see as req: headers and cookies, and clientIP where the token is native and the address known.
	Brief() *query.Object
	// Req is what custom headers see as req: headers, cookies, signedCookies, query, method, httpVersion ….
	Req() *query.Object
	// Parent is parentRequestInfo: uri, parsedUri, parsedQuery, method.
	Parent() *query.Object
	// URI is the parent URL as the proxy wrote it.
	URI() string
	// ClientIP is the client's address as far as trusted proxies vouch for it; invalid when unknown.
	ClientIP() netip.Addr
}
