// Package seal encrypts and authenticates what easgate gives to browsers or keeps in databases: the state of a login,
// cookies, sessions. What one purpose or audience sealed, no other opens.
package seal

import "time"

// A Purpose separates the keys of one use from those of all others.
type Purpose string

const (
	State   Purpose = "state"   // the state parameter of a login, and the cookie that holds its attempts
	Cookie  Purpose = "cookie"  // cookies that name a session
	Session Purpose = "session" // sessions at rest
	CSRF    Purpose = "csrf"    // proofs that a form is ours
)

// Keys gives each purpose its boxes.
type Keys interface {
	// For returns the box of purpose p. The error names the setting that is missing when there is no secret for p.
	For(p Purpose, audience string) (Box, error)
}

// A Box seals and opens texts for one purpose and audience. It is safe for concurrent use.
type Box interface {
	// Seal returns plain as a URL-safe text that opens until then, and with the same bound: what the value belongs to,
	// such as the id of a session, which need not be secret. A zero until never ends.
	Seal(plain []byte, until time.Time, bound string) string
	// Open returns what Seal was given. The error says which of these it was: not sealed here (or by a key that is gone),
	// or expired ([ErrExpired]); never more.
	Open(text string, now time.Time, bound string) ([]byte, error)
}
