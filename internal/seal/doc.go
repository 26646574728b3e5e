// Package seal encrypts and authenticates what easgate gives to browsers or keeps in databases: the state of a login,
// cookies, sessions. What one purpose or audience sealed, no other opens.
//
// A [Ring] is made of the operator's secrets. Each [Purpose] has keys of its own, made by HKDF-SHA256 (RFC 5869) from
// its secrets and from the keyring of config tokens. The first key seals, all of them open, so that a secret can be
// replaced while what the older one sealed is still in use:
//
//	box, err := ring.For(seal.Session, token.Audience)
//	text := box.Seal(plain, expires, id)
//	plain, err = box.Open(text, time.Now(), id)
//
// A text is XChaCha20-Poly1305 with a random nonce, which may be used as often as one likes. It names the key that
// sealed it, and holds, encrypted, when it ends and for which audience it is.
//
// Seal knows nothing of what it seals: what a session or a cookie is, others know.
package seal
