package plugins

import (
	"context"
	"errors"
)

// ErrDisabled is returned by a constructor whose kind of plugin the operator switched off. Tokens in EAS's format pass
// over such an entry, as over one of an unknown type.
var ErrDisabled = errors.New("switched off")

// A Plugin judges requests. It is built once per config token and must be safe for concurrent use.
type Plugin interface {
	// Verify judges r. The error is for our failures (LDAP is down), never for the client's
	// (wrong password): those are a Deny. An error denies with 503, whatever the Result.
	Verify(ctx context.Context, r *Request) (Result, error)
}

// A Closer is a plugin that holds something to give back: pools, connections, background work.
// Close is called once, after the last Verify has returned.
type Closer interface {
	Close() error
}

// A TokenReader is a plugin that looks at the config token itself, which otherwise is not kept.
type TokenReader interface {
	Plugin
	ReadsToken()
}

// HeaderNames is a plugin that sets headers of its own on an allow: what it does not set on one, and what other steps
// would have set, is sent empty, so that the proxy overwrites what the client wrote under that name.
type HeaderNames interface {
	Plugin
	// ServiceHeaders returns all names that may be in the Header of an allow. It is called once.
	ServiceHeaders() []string
}

// A SessionEnder is a plugin whose sessions a provider may end (OpenID Connect Back-Channel Logout 1.0).
type SessionEnder interface {
	Plugin
	// EndSessions checks a logout token and ends the sessions that it names, on all replicas. A [*LogoutError] says that
	// the token is refused. allowed, if not nil, reports whether the issuer may do so at all; configured is what the
	// plugin's own configuration says to it, nil for nothing.
	EndSessions(ctx context.Context, logoutToken string, allowed func(issuer string, configured *bool) bool) (n int,
		err error)
}

// A LogoutError says why a logout token is refused.
type LogoutError struct{ Why string }

func (e *LogoutError) Error() string { return "logout token: " + e.Why }
