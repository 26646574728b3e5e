package credential

import (
	"crypto/rand"
	"crypto/sha256"
)

// A MAC stands for a credential. Without the key it tells nothing about the password, which could otherwise be guessed
// from it offline.
type MAC [sha256.Size]byte

// A Key makes MACs. The zero value is no key: use [NewKey].
type Key [32]byte

// NewKey returns a random key, for MACs that live as long as the plugin that makes them.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never fails: crypto/rand ends the process instead
	return k
}

// MAC returns the SHA-256 of the key, the user and the password. A colon keeps the two apart: the user must have none.
//
// HMAC (RFC 2104) hashes once more, so that who has seen a MAC cannot make that of a longer message. These are compared
// in memory and never leave it, and what is left is one hash for each request.
func (k *Key) MAC(user, password string) MAC {
	var stack [128]byte
	b := append(stack[:0], k[:]...)
	b = append(b, user...)
	b = append(b, ':')
	b = append(b, password...)
	return sha256.Sum256(b)
}
