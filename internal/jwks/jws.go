package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"math/big"
	"strings"
)

// MaxToken is how many bytes a token may have; what carries it is limited to 64 KB anyway.
const MaxToken = 64 << 10

// Errors of [Split] and [ParseHeader].
var (
	ErrMalformed = errors.New("not three parts")
	ErrInvalid   = errors.New("not a JWS")
)

// A Compact is a token in JWS compact serialization (RFC 7515 §7.1), its parts still encoded. Nothing is verified.
type Compact struct {
	Header, Payload, Signature string
	// Signed is what the signature is over: header, dot and payload.
	Signed string
}

// Split takes token apart. It looks at dots and characters only, so that nothing else ever sees what is too long, a
// JWE, or a million dots. The signature may be empty.
func Split(token string) (Compact, error) {
	if len(token) > MaxToken {
		return Compact{}, ErrMalformed
	}
	i := strings.IndexByte(token, '.')
	j := strings.LastIndexByte(token, '.')
	if i == j || strings.IndexByte(token[i+1:j], '.') >= 0 {
		return Compact{}, ErrMalformed
	}
	c := Compact{Header: token[:i], Payload: token[i+1 : j], Signature: token[j+1:], Signed: token[:j]}
	if c.Header == "" || c.Payload == "" || !isBase64URL(c.Header) || !isBase64URL(c.Payload) || !isBase64URL(c.Signature) {
		return Compact{}, ErrInvalid
	}
	return c, nil
}

func isBase64URL(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// A Header is what verifying needs of a JOSE header. Everything else in it (jku, jwk, x5u, x5c …) is never looked at.
type Header struct {
	Algorithm string
	// KeyID is the kid; HasKeyID tells an empty one from none, and is true for a kid that is no string,
	// which no key has.
	KeyID    string
	HasKeyID bool
	// JWT says that typ is exactly "JWT".
	JWT bool
	// Critical says that there is a crit member. No extension is understood here, so the token is to be rejected
	// (RFC 7515 §4.1.11).
	Critical bool
}

var encoding = base64.RawURLEncoding.Strict()

// decode is strict: one text for one value, as RFC 7515 §2 has it. encoding/base64 by itself skips line ends.
func decode(s string) ([]byte, error) {
	b, err := encoding.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, ErrInvalid
	}
	return b, nil
}

// ParseHeader decodes the header of a [Compact]. Member names are compared exactly, which struct tags would not do.
func ParseHeader(encoded string) (Header, error) {
	text, err := decode(encoded)
	if err != nil {
		return Header{}, err
	}
	var m map[string]any
	if json.Unmarshal(text, &m) != nil || m == nil {
		return Header{}, ErrInvalid
	}
	var h Header
	h.Algorithm, _ = m["alg"].(string)
	switch kid := m["kid"].(type) {
	case nil:
	case string:
		h.KeyID, h.HasKeyID = kid, true
	default:
		h.HasKeyID = true
	}
	h.JWT = m["typ"] == "JWT"
	_, h.Critical = m["crit"]
	return h, nil
}

// DecodePayload decodes the payload of a [Compact].
func (c *Compact) DecodePayload() ([]byte, error) { return decode(c.Payload) }

// Verify reports whether c is signed by k with the algorithm alg, which must suit the key: whatever the header says, a
// public key is never used as a secret, and nothing verifies without a signature.
func (k *Key) Verify(alg string, c *Compact) bool {
	if c.Signature == "" || !k.Suits(alg) {
		return false
	}
	sig, err := decode(c.Signature)
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
