package configtoken

import (
	"encoding/json"
	"time"
)

// MaxSealed is the length in bytes of the longest text that is sealed or opened.
const MaxSealed = 64 << 10

// Format is how a config token was sealed.
type Format uint8

const (
	// Plain text was not sealed at all; only stores may hold it, and only when plain tokens are allowed.
	Plain Format = iota
	// EAS is external-auth-server's own format, or its signed-only form in a store.
	EAS
	// Native is easgate's format: a JWE, with a JWS inside when the keyring signs.
	Native
)

// String returns "plain", "eas" or "native", as in flags and logs.
func (f Format) String() string {
	switch f {
	case Plain:
		return "plain"
	case EAS:
		return "eas"
	case Native:
		return "native"
	}
	return "unknown"
}

// A Token is an opened config token: claims that nobody but a key holder can have written.
// Opening checks the seal and nothing else; [Token.Check] says whether it is in force.
type Token struct {
	Format Format
	// Claims is the whole payload, one JSON object, as it was sealed; of members that share a name only the last is left,
	// in the place of the first, as in JavaScript: no two readers can then read two configurations into one token.
	Claims json.RawMessage
	// ID is the jti claim as text (a number as JavaScript prints it: 42 for 42.0), "" when there is none.
	ID string
	// NotBefore and Expires are the nbf and exp claims in seconds since 1970, rounded up, 0 when there is none
	// (an exp of 0 is 1).
	NotBefore, Expires int64
	// Pointer names the token that this one stands for; its zero value says that Claims hold the configuration.
	Pointer Pointer
}

// A Pointer names a config token in a store.
type Pointer struct {
	StoreID string `json:"config_token_store_id"`
	TokenID string `json:"config_token_id"`
}

// A Sealer turns claims into the text of a config token.
type Sealer interface {
	Seal(claims json.RawMessage) (string, error)
}

// An Opener opens sealed text. All its failures are one error to the outside: [ErrUnreadable].
type Opener interface {
	Open(sealed string) (Token, error)
}

// Check returns nil if t is in force at now: an expired token is expired when now == exp, as in RFC 7519 §4.1.4.
func (t *Token) Check(now time.Time) error {
	s := now.Unix()
	if t.Expires != 0 && s >= t.Expires {
		return ErrExpired
	}
	if t.NotBefore != 0 && s < t.NotBefore {
		return ErrNotYetValid
	}
	return nil
}
