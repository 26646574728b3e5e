package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// ErrNoKeys says that a JWK set has no keys at all, ErrNoSigningKeys that none of them may verify signatures.
var (
	ErrNoKeys        = errors.New("no keys")
	ErrNoSigningKeys = errors.New("no signing keys")
)

// ErrBadPEM says that a text looks like PEM and cannot be read as a key. It must not be used as a secret: whoever
// knows the public key could sign with its text.
var ErrBadPEM = errors.New("PEM: no key in it")

// IsPEM reports whether text is meant to be PEM, readable or not.
func IsPEM(text string) bool { return strings.Contains(text, "-----BEGIN ") }

// FromSecret returns a set of one HMAC key, the bytes of text.
func FromSecret(text string) (*Set, error) {
	if IsPEM(text) {
		return nil, ErrBadPEM
	}
	k, err := newKey("", "", []byte(text))
	if err != nil {
		return nil, err
	}
	return &Set{keys: []*Key{k}}, nil
}

// FromPEM reads the first block of text: a public key (PKIX or PKCS #1) or a certificate, whose dates are not looked
// at. A private key (PKCS #8, PKCS #1, SEC 1) stands for its public half, and private is true: it has no business in a
// configuration that only verifies.
func FromPEM(text string) (s *Set, private bool, err error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false, ErrBadPEM
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
		return nil, false, ErrBadPEM
	}
	if signer, ok := key.(crypto.Signer); ok {
		key, private = signer.Public(), true
	}
	k, err := newKey("", "", key)
	if err != nil {
		return nil, private, err
	}
	return &Set{keys: []*Key{k}}, private, nil
}

// FromJWKS reads a JWK set (RFC 7517 §5), or one JWK, from a configuration. Every key must be usable; secrets (oct)
// are, private keys are not.
func FromJWKS(text []byte) (*Set, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
		Kty  string            `json:"kty"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("want a JWK set")
	}
	if doc.Kty != "" && doc.Keys == nil {
		doc.Keys = []json.RawMessage{text}
	}
	if len(doc.Keys) == 0 {
		return nil, fmt.Errorf("keys: %w", ErrNoKeys)
	}
	s := &Set{}
	for i, raw := range doc.Keys {
		k, err := fromJWK(raw, true)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// ParseJWKS reads the JWK set of a provider. Keys that are not for verifying signatures, or that cannot be used, are
// left out, and so are secrets: what a URL hands to everybody is none. The error is [ErrNoKeys], [ErrNoSigningKeys] or
// about the JSON.
func ParseJWKS(text []byte) (*Set, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("not a JWK set")
	}
	if len(doc.Keys) == 0 {
		return nil, ErrNoKeys
	}
	s := &Set{}
	for _, raw := range doc.Keys {
		if k, err := fromJWK(raw, false); err == nil {
			s.keys = append(s.keys, k)
		}
	}
	if len(s.keys) == 0 {
		return nil, ErrNoSigningKeys
	}
	return s, nil
}

// ParseCertificates reads a JSON object of PEM certificates by key id, as Google publishes them.
// What is no certificate of a usable key is left out.
func ParseCertificates(text []byte) (*Set, error) {
	var doc map[string]string
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("not an object of certificates")
	}
	s := &Set{}
	for id, cert := range doc {
		one, private, err := FromPEM(cert)
		if err != nil || private {
			continue
		}
		one.keys[0].ID = id
		s.keys = append(s.keys, one.keys[0])
	}
	if len(s.keys) == 0 {
		return nil, ErrNoSigningKeys
	}
	return s, nil
}

var (
	errNotForSigning = errors.New("not for verifying signatures")
	errPrivate       = errors.New("a private key")
	errShared        = errors.New("a shared secret")
)

func fromJWK(raw json.RawMessage, secrets bool) (*Key, error) {
	var meta struct {
		Use    *string  `json:"use"`
		Alg    string   `json:"alg"`
		KeyOps []string `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return nil, errors.New("not a JWK")
	}
	if meta.Use != nil && *meta.Use != "sig" {
		return nil, errNotForSigning
	}
	verifies := len(meta.KeyOps) == 0
	for _, op := range meta.KeyOps {
		verifies = verifies || op == "verify"
	}
	if !verifies {
		return nil, errNotForSigning
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return nil, errors.New("not a usable JWK")
	}
	switch m := jwk.Key.(type) {
	case []byte:
		if !secrets {
			return nil, errShared
		}
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil, errPrivate
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("%T: %w", m, errKeyType)
	}
	return newKey(jwk.KeyID, meta.Alg, jwk.Key)
}
