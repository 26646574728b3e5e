package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
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
		if smallOrder(m) {
			return nil, errors.New("an Ed25519 key of small order, with which everybody can sign")
		}
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

// weakPoints are the points of small order on edwards25519, in all spellings, without their sign. As a key, each takes
// one and the same signature for one message in eight or more.
var weakPoints = []string{
	"\x00" + strings.Repeat("\x00", 31),
	"\x01" + strings.Repeat("\x00", 31),
	"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
	"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
	"\xec" + strings.Repeat("\xff", 30) + "\x7f",
	"\xed" + strings.Repeat("\xff", 30) + "\x7f",
	"\xee" + strings.Repeat("\xff", 30) + "\x7f",
}

func smallOrder(k ed25519.PublicKey) bool {
	last := len(k) - 1
	return last > 0 && slices.Contains(weakPoints, string(append(k[:last:last], k[last]&0x7f)))
}
