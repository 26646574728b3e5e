package jws

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	if c.Header == "" || c.Payload == "" || !isBase64URL(c.Header) || !isBase64URL(c.Payload) ||
		!isBase64URL(c.Signature) {
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

// DecodePayload decodes the payload.
func (c *Compact) DecodePayload() ([]byte, error) { return decode(c.Payload) }

// DecodeSignature decodes the signature.
func (c *Compact) DecodeSignature() ([]byte, error) { return decode(c.Signature) }

// A Hash stands for a token where the token itself should not be kept.
type Hash [sha256.Size]byte

// HashOf returns the SHA-256 of a token.
func HashOf(token string) Hash {
	// Most tokens are shorter, and their copy need not be on the heap.
	var buf [1536]byte
	if len(token) > len(buf) {
		return sha256.Sum256([]byte(token))
	}
	return sha256.Sum256(buf[:copy(buf[:], token)])
}
