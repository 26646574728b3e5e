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
	// URI is the parent URL as the proxy wrote it.
	URI string
	// Header holds the headers of the verify request: the client's own, as the proxy passed them on.
	// Forwarding headers in it are not to be trusted; use Method, URL and ClientIP. Read only.
	Header http.Header
	// ClientIP is the client's address as far as trusted proxies vouch for it; invalid when unknown.
	ClientIP netip.Addr
	// Params are the parameters of the verify URL that plugins know. Never nil.
	Params *Params
	// Source builds the views of the request that queries see. Never nil.
	Source Source

	req, parent *query.Object
}

// Params are the verify parameters that change how plugins answer.
type Params struct {
	// RedirectStatus replaces the status of a redirect to the login (redirect_http_code); 0 leaves it.
	RedirectStatus int
}

// A Source describes a request to queries, in external-auth-server's words.
type Source interface {
	// Req is the verify request itself, EAS's req: method, url, headers, query, cookies ….
	Req() *query.Object
	// Parent is the parent request, EAS's parentRequestInfo: uri, parsedUri, parsedQuery, method.
	Parent() *query.Object
}

// Req returns the view of the verify request that queries see, built at the first call.
func (r *Request) Req() *query.Object {
	if r.req == nil {
		r.req = r.Source.Req()
	}
	return r.req
}

// Parent returns the view of the parent request that queries see, built at the first call.
func (r *Request) Parent() *query.Object {
	if r.parent == nil {
		r.parent = r.Source.Parent()
	}
	return r.parent
}
