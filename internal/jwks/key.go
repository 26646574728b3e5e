package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// A Key verifies signatures. It never prints: its %v is its id.
type Key struct {
	// ID is the key's kid, "" when it has none.
	ID string
	// material is *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or the []byte of a secret.
	material any
	// algorithms are those that the key may be used for.
	algorithms []string
	// macs are a secret's hashes, one pool for each of SHA-256, SHA-384 and SHA-512: keyed once and used again.
	macs [3]sync.Pool
}

// String returns the key's id, so that no secret is printed.
func (k *Key) String() string { return fmt.Sprintf("key %.64q", k.ID) }

// GoString keeps %#v from printing a secret.
func (k *Key) GoString() string { return k.String() }

// Secret reports whether the key is a shared secret and no public key.
func (k *Key) Secret() bool { _, ok := k.material.([]byte); return ok }

// SecretLen is how many bytes a shared secret has, 0 for a public key.
func (k *Key) SecretLen() int { m, _ := k.material.([]byte); return len(m) }

// minRSABits is RFC 7518 §3.3's.
const minRSABits = 2048

// short says that the key is an RSA key under 2048 bits; "" for any other.
func (k *Key) short() string {
	pub, ok := k.material.(*rsa.PublicKey)
	if !ok || pub.N.BitLen() >= minRSABits {
		return ""
	}
	return fmt.Sprintf("an RSA key of %d bits: want %d or more (RFC 7518 §3.3)", pub.N.BitLen(), minRSABits)
}

// Suits reports whether the key may verify signatures of the JWS algorithm alg: the key's type and curve must fit,
// and so must the JWK's own "alg" if it has one. "none" suits no key.
func (k *Key) Suits(alg string) bool { return slices.Contains(k.algorithms, alg) }

// Algorithms are those that suit the key. Do not change the slice.
func (k *Key) Algorithms() []string { return k.algorithms }

var errKeyType = errors.New("unsupported key: want RSA, EC P-256, P-384 or P-521, Ed25519 or a secret")

// newKey makes a key of a public key or a secret. alg, if not empty, is the only algorithm that it may be used for.
func newKey(id, alg string, material any) (*Key, error) {
	k := &Key{ID: id, material: material}
	switch m := material.(type) {
	case []byte:
		k.algorithms = []string{"HS256", "HS384", "HS512"}
		if len(m) == 0 {
			return nil, errors.New("empty secret")
		}
		if IsPEM(string(m)) {
			return nil, ErrBadPEM
		}
	case *rsa.PublicKey:
		if err := sound(m); err != nil {
			return nil, err
		}
		k.algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch m.Curve {
		case elliptic.P256():
			k.algorithms = []string{"ES256"}
		case elliptic.P384():
			k.algorithms = []string{"ES384"}
		case elliptic.P521():
			k.algorithms = []string{"ES512"}
		}
	case ed25519.PublicKey:
		k.algorithms = []string{"EdDSA"}
	}
	if k.algorithms == nil {
		return nil, errKeyType
	}
	if alg != "" {
		if !k.Suits(alg) {
			return nil, fmt.Errorf("alg %.16q does not suit the key", alg)
		}
		k.algorithms = []string{alg}
	}
	return k, nil
}

// sound reports what keeps an RSA key from verifying anything.
func sound(k *rsa.PublicKey) error {
	const least, most = 1024, 16384 // bits; below and above, crypto/rsa refuses or takes long
	switch bits := k.N.BitLen(); {
	case bits < least || bits > most:
		return fmt.Errorf("n: %d bits, want %d to %d", bits, minRSABits, most)
	case k.N.Bit(0) == 0:
		return errors.New("n: even, and so no RSA modulus")
	case k.E < 3 || k.E&1 == 0:
		return errors.New("e: want an odd number from 3 on")
	}
	return nil
}
