package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/big"

	"github.com/easgate/easgate/internal/jws"
)

// Verify reports whether c is signed by k with the algorithm alg, which must suit the key: whatever the header says, a
// public key is never used as a secret, and nothing verifies without a signature.
func (k *Key) Verify(alg string, c *jws.Compact) bool {
	if c.Signature == "" || !k.Suits(alg) {
		return false
	}
	sig, err := c.DecodeSignature()
	if err != nil {
		return false
	}
	signed := []byte(c.Signed)
	switch m := k.material.(type) {
	case []byte:
		return k.mac(m, alg, signed, sig)
	case *rsa.PublicKey:
		h, newHash := hashOf(alg)
		sum := digest(newHash, signed)
		if alg[0] == 'P' {
			// RFC 7518 §3.5: the salt is as long as the hash.
			return rsa.VerifyPSS(m, h, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(m, h, sum, sig) == nil
	case *ecdsa.PublicKey:
		// RFC 7518 §3.4: both numbers, each as long as the curve's order.
		size := (m.Curve.Params().BitSize + 7) / 8
		if len(sig) != 2*size {
			return false
		}
		_, newHash := hashOf(alg)
		r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
		return ecdsa.Verify(m, digest(newHash, signed), r, s)
	case ed25519.PublicKey:
		return len(m) == ed25519.PublicKeySize && ed25519.Verify(m, signed, sig)
	}
	return false
}

func (k *Key) mac(secret []byte, alg string, signed, sig []byte) bool {
	h, newHash := hashOf(alg)
	pool := &k.macs[h-crypto.SHA256]
	mac, ok := pool.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(newHash, secret)
	}
	mac.Reset()
	mac.Write(signed)
	var sum [sha512.Size]byte
	equal := hmac.Equal(mac.Sum(sum[:0]), sig)
	pool.Put(mac)
	return equal
}

// hashOf returns the hash that the algorithm's name ends with.
func hashOf(alg string) (crypto.Hash, func() hash.Hash) {
	switch alg[len(alg)-3:] {
	case "256":
		return crypto.SHA256, sha256.New
	case "384":
		return crypto.SHA384, sha512.New384
	}
	return crypto.SHA512, sha512.New
}

func digest(newHash func() hash.Hash, b []byte) []byte {
	h := newHash()
	h.Write(b)
	return h.Sum(nil)
}
