package seal

import (
	"errors"
	"time"
)

// A Purpose separates the keys of one use from those of all others.
type Purpose string

// The purposes. Each has keys of its own.
const (
	State   Purpose = "state"   // the state parameter of a login, and the cookie that holds its attempts
	Cookie  Purpose = "cookie"  // cookies that name a session
	Session Purpose = "session" // sessions at rest
	CSRF    Purpose = "csrf"    // proofs that a form is ours
)

// What [Box.Open] returns. The texts are constant: nothing of what was sealed reaches a log.
var (
	// ErrExpired is for what was sealed here, and has ended.
	ErrExpired = errors.New("seal: expired")
	// ErrKey is for what names a key that is not here: it was taken out, or another replica has other secrets, or the
	// text is made up.
	ErrKey = errors.New("seal: sealed by a key that is not here")
	// ErrForged is for everything else: altered, cut, of another purpose or audience, or bound to something else.
	ErrForged = errors.New("seal: not sealed here")
)

// Keys gives each purpose its boxes.
type Keys interface {
	// For returns the box of purpose p. The error names the setting that is missing when there is no secret for p.
	For(p Purpose, audience string) (Box, error)
	// Index returns what makes the keyed hashes by which sessions are found. The error is For's.
	Index() (Index, error)
}

// A Box seals and opens texts for one purpose and audience. It is safe for concurrent use, and follows its [Ring]
// when the keyring is reloaded.
type Box interface {
	// Seal returns plain as a URL-safe text that opens until then, and with the same bound: what the value belongs to,
	// such as the id of a session, which need not be secret. A zero until never ends. The text is 92 + 4/3·len(plain)
	// bytes long.
	Seal(plain []byte, until time.Time, bound string) string
	// Open returns what Seal was given. The error is [ErrExpired], [ErrKey] or [ErrForged].
	Open(text string, now time.Time, bound string) ([]byte, error)
}

// An Index turns the names in a login into hashes that tell nothing without the key, for a database to search by.
// It is safe for concurrent use.
type Index interface {
	// Hash returns the hash of text under the newest key, in 22 URL-safe characters; "" for "".
	Hash(text string) string
	// Hashes returns the hashes of text under every key, the newest first: what was stored before a key was replaced
	// has an older one's. The hashes of several texts are in the same order.
	Hashes(text string) []string
}
