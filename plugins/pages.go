package plugins

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/easgate/easgate/internal/identity"
)

// Pages is a plugin with pages of its own, which people and programs ask for directly: where the operator mounts the
// config token (`mounts`), below the mount's path. Found when the pipeline is compiled.
type Pages interface {
	Plugin
	Pages() []Page
}

// A Page answers one method at one path.
type Page struct {
	// Method is "" for GET. GET answers HEAD too, without a body.
	Method string
	// Path begins with a slash and is below the mount's: "/tokens". It is compared exactly, but for escapes that change
	// nothing.
	Path string
	// Public pages are served to everybody. For others the token's pipeline decides first, with the browser's own
	// request as the parent request, and a denial's answer, such as the redirect to a login, is sent instead.
	Public bool
	// Serve answers. The error is for our failures and becomes a 503. The result of HEAD may have a body, which is not
	// sent.
	Serve func(context.Context, *PageRequest) (PageResult, error)
}

// A PageRequest is a request for a page. It lives as long as Serve runs.
type PageRequest struct {
	Method string
	// URL is absolute, and was checked as a parent request is. Base is the mount's URL, without a slash at its end.
	URL, Base *url.URL
	// Source builds the views of the request that queries see.
	Source Source
	// Header holds what the client sent, under canonical names. Read only.
	Header http.Header
	// Body is at most 64 KB; Form is what it says if it is application/x-www-form-urlencoded, without what is in the
	// URL. Forms of a page that is not public come from pages of the same origin; others are refused before.
	Body []byte
	Form url.Values
	// ClientIP is the client's address as far as trusted proxies vouch for it; invalid when unknown.
	ClientIP netip.Addr
	// Identity and Data are those of the pipeline's allow, and zero on a public page.
	Identity identity.Identity
	Data     Data
	// DecisionID names the request in the log.
	DecisionID string
}

// A PageResult is the answer to a page's request. It is no [Result], so that nothing can take it for an allow.
type PageResult struct {
	// Status is 0 for 200.
	Status int
	// Header is sent beside what every page gets: no-store, nosniff, and a Content-Security-Policy that loads nothing,
	// each unless Header has another.
	Header  http.Header
	Cookies []*http.Cookie
	Body    []byte
}

// A CookieOwner is a plugin that sets cookies of its own. Where easgate passes requests on itself, they stay behind,
// and a request that carries one is held to the rules for other sites.
type CookieOwner interface {
	Plugin
	// Cookies are their names.
	Cookies() []string
}
