package jwks

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrNoKeys says that a JWK set has no keys at all, ErrNoSigningKeys that none of them may verify signatures.
var (
	ErrNoKeys        = errors.New("no keys")
	ErrNoSigningKeys = errors.New("no usable key")
)

// ErrBadPEM says that a text looks like PEM and cannot be read as a key. It must not be used as a secret: whoever
// knows the public key could sign with its text.
var ErrBadPEM = errors.New("PEM: no key in it")

// IsPEM reports whether text is meant to be PEM, readable or not: in a URL a blank is "+" or "%20".
func IsPEM(text string) bool { return strings.Contains(text, "-----BEGIN") }

// FromSecret returns a set of one HMAC key, the bytes of text.
func FromSecret(text string) (*Set, error) {
	k, err := newKey("", "", []byte(text))
	if err != nil {
		return nil, err
	}
	return &Set{keys: []*Key{k}, static: true}, nil
}

// FromPEM reads the first block of text: a public key (PKIX or PKCS #1) or a certificate, whose dates are not looked
// at. A private key (PKCS #8, PKCS #1, SEC 1) stands for its public half, with a warning: it has no business in a
// configuration that only verifies. So do further blocks.
func FromPEM(text string) (*Set, error) {
	k, private, rest, err := readPEM(text)
	if err != nil {
		return nil, err
	}
	s := &Set{static: true}
	s.add("PEM", k, private)
	if second, _ := pem.Decode([]byte(rest)); second != nil || IsPEM(rest) {
		s.warn("PEM", "more than one block, of which the first counts: several keys are a JWK set")
	}
	return s, nil
}

func readPEM(text string) (k *Key, private bool, rest string, err error) {
	block, after := pem.Decode([]byte(text))
	if block == nil {
		return nil, false, "", ErrBadPEM
	}
	var key any
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		err = ErrBadPEM
	}
	if err != nil {
		// The parsers' texts name structures, not contents, but a private key is nothing to take chances with.
		return nil, false, "", ErrBadPEM
	}
	if signer, ok := key.(crypto.Signer); ok {
		key, private = signer.Public(), true
	}
	k, err = newKey("", "", key)
	return k, private, string(after), err
}

// FromJWKS reads a JWK set (RFC 7517 §5), or one JWK, from a configuration. Every key must be usable; secrets (oct)
// are.
func FromJWKS(text []byte) (*Set, error) {
	var one webKey
	if json.Unmarshal(text, &one) != nil {
		return nil, errors.New("want a JWK set")
	}
	raws, ok := entries(text)
	switch {
	case !ok:
		return nil, errors.New("keys: want a list")
	case one["kty"] != nil && raws == nil:
		raws = []json.RawMessage{text}
	case len(raws) == 0:
		return nil, fmt.Errorf("keys: %w", ErrNoKeys)
	}
	s := &Set{static: true}
	s.read(raws, true)
	if s.left.n > 0 {
		return nil, errors.New(s.left.out[0])
	}
	return s, nil
}

// ParseJWKS reads the JWK set of a provider. Keys that are not for verifying signatures, or that cannot be used, are
// left out, and so are secrets: what a URL hands to everybody is none. strict also leaves out RSA keys under 2048 bits
// (RFC 7518 §3.3). The error is [ErrNoKeys], [ErrNoSigningKeys] or about the JSON; with ErrNoSigningKeys there is a
// set, which says why.
func ParseJWKS(text []byte, strict bool) (*Set, error) {
	raws, ok := entries(text)
	if !ok {
		return nil, errors.New("not a JWK set")
	}
	if len(raws) == 0 {
		return nil, ErrNoKeys
	}
	s := &Set{strict: strict}
	s.read(raws, false)
	return s.usable()
}

// ParseCertificates reads a JSON object of PEM certificates by key id, as Google publishes them, like [ParseJWKS].
func ParseCertificates(text []byte, strict bool) (*Set, error) {
	var doc map[string]string
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("not an object of certificates")
	}
	s := &Set{strict: strict}
	for _, id := range slices.Sorted(maps.Keys(doc)) {
		label := fmt.Sprintf("kid %.64s", id)
		k, private, _, err := readPEM(doc[id])
		if err != nil {
			s.leave(label, err)
			continue
		}
		k.ID = id
		s.add(label, k, private)
	}
	return s.usable()
}
