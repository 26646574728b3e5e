package plugins

import (
	"net/http"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/query"
)

// A Verdict is a plugin's judgement.
type Verdict uint8

const (
	// Deny is the zero value: what nobody decided is denied.
	Deny Verdict = iota
	// Abstain is a Deny of a request that carries no credentials of the plugin's kind.
	// Its answer tells the client how to present some.
	Abstain
	// Allow lets the request pass.
	Allow
)

// String returns "deny", "abstain" or "allow".
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Abstain:
		return "abstain"
	}
	return "deny"
}

// A Result is a plugin's answer to one request. The zero value denies.
type Result struct {
	Verdict Verdict
	// Status is the HTTP status to answer with; 0 means 200 for Allow, 401 for Abstain and 403 for Deny.
	// Only 2xx is sent for Allow, and never for the others: a mismatch is answered 503.
	Status int
	// Header is sent to the proxy, which hands it upstream (2xx) or to the client. Nil is fine, and free. A plugin may
	// answer many requests with one map: whoever adds to it copies it before.
	Header http.Header
	// Cookies are sent as Set-Cookie. nginx relays one: never need more on a verify reply.
	Cookies []*http.Cookie
	Body    []byte
	// Identity is who was authenticated; the zero value with Allow means that nobody in particular was.
	Identity identity.Identity
	// Data is what custom headers can pick from: id_token, userinfo, access_token, refresh_token.
	Data Data
	// Tried is the user name that a password was tried for in vain, as the client sent it, for the log.
	Tried string
	// Reason says in a few words why, for the log and for explain: "wrong password". It never holds a secret.
	Reason string
}

// StatusCode returns Status, or what its zero value stands for.
func (r *Result) StatusCode() int {
	switch {
	case r.Status != 0:
		return r.Status
	case r.Verdict == Allow:
		return http.StatusOK
	case r.Verdict == Abstain:
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// Sendable reports whether HTTP can carry the status and it says what the verdict does: 2xx for Allow, and for it
// alone.
func (r *Result) Sendable() bool {
	status := r.StatusCode()
	allows := status >= 200 && status <= 299
	return allows == (r.Verdict == Allow) && status <= 999 && (status >= 200 || status == http.StatusSwitchingProtocols)
}

// Data is what a login left behind, as sources for custom headers and assertions.
// A nil member is undefined, in JavaScript's sense: it was not there.
type Data struct {
	IDToken, UserInfo, AccessToken, RefreshToken query.Value
}
