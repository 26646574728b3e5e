package jwks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

var (
	errNotForSigning = errors.New("not for verifying signatures")
	errShared        = errors.New("a shared secret, which everybody can read there")
)

const publicHalf = "holds a private key: its public half is used, and the private one is to be replaced"

// A webKey is a JSON Web Key (RFC 7517 §4). Only what verifying needs is looked at: a thumbprint or a certificate that
// is broken, or another key's, changes nothing about the key.
type webKey map[string]any

// key makes a key of it. private says that it is a private one, of which only the public half is used.
func (j webKey) key() (k *Key, private bool, err error) {
	if !j.verifies() {
		return nil, false, errNotForSigning
	}
	id, err := j.text("kid")
	if err != nil {
		return nil, false, err
	}
	alg, err := j.text("alg")
	if err != nil {
		return nil, false, err
	}
	material, err := j.material()
	if err != nil {
		return nil, false, err
	}
	if k, err = newKey(id, alg, material); err != nil {
		return nil, false, err
	}
	return k, !k.Secret() && (j["d"] != nil || j["p"] != nil || j["q"] != nil), nil
}

// verifies reports whether use and key_ops (RFC 7517 §4.2, §4.3), as far as they are given, say that the key verifies
// signatures.
func (j webKey) verifies() bool {
	if use := j["use"]; use != nil && use != "sig" {
		return false
	}
	ops, ok := j["key_ops"].([]any)
	return ok && (len(ops) == 0 || slices.Contains(ops, any("verify"))) || j["key_ops"] == nil || j["key_ops"] == "verify"
}

func (j webKey) material() (any, error) {
	kty, err := j.text("kty")
	switch {
	case err != nil:
		return nil, err
	case kty == "RSA" && (j["n"] == nil || j["e"] == nil):
		return j.certified()
	case kty == "RSA":
		return j.rsa()
	case kty == "EC":
		return j.ec()
	case kty == "OKP":
		return j.okp()
	case kty == "oct":
		return j.bytes("k")
	}
	return nil, fmt.Errorf("kty %.16q: %w", kty, errKeyType)
}

func (j webKey) rsa() (any, error) {
	n, err := j.bytes("n")
	if err != nil {
		return nil, err
	}
	e, err := j.bytes("e")
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if !exponent.IsInt64() || exponent.Int64() > math.MaxInt32 {
		return nil, errors.New("e: too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

// certified is an RSA key that is published as a certificate only, as Auth0 did once.
func (j webKey) certified() (any, error) {
	missing := errors.New("n, e: missing")
	chain, _ := j["x5c"].([]any)
	if len(chain) == 0 {
		return nil, missing
	}
	text, _ := chain[0].(string)
	der, err := decodeLoosely(text)
	if err != nil {
		return nil, fmt.Errorf("%w, and x5c is not base64", missing)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%w, and x5c is not a certificate", missing)
	}
	pub, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w, and the certificate in x5c has no RSA key", missing)
	}
	return pub, nil
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

func (j webKey) ec() (any, error) {
	crv, err := j.text("crv")
	if err != nil {
		return nil, err
	}
	curve, ok := curves[crv]
	if !ok {
		return nil, fmt.Errorf("crv %.16q: %w", crv, errKeyType)
	}
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // SEC 1 §2.3.3: not compressed
	for _, name := range []string{"x", "y"} {
		b, err := j.bytes(name)
		if err != nil {
			return nil, err
		}
		// RFC 7518 §6.2.1.2 wants as many bytes as the curve has; not everybody writes the leading zeros.
		b = bytes.TrimLeft(b, "\x00")
		if len(b) > size {
			return nil, fmt.Errorf("%s: too long for %s", name, crv)
		}
		point = append(append(point, make([]byte, size-len(b))...), b...)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("x, y: not on the curve %s", crv)
	}
	return pub, nil
}

func (j webKey) okp() (any, error) {
	crv, err := j.text("crv")
	if err != nil {
		return nil, err
	}
	if crv != "Ed25519" {
		return nil, fmt.Errorf("crv %.16q: %w", crv, errKeyType)
	}
	x, err := j.bytes("x")
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("x: %d bytes, want %d", len(x), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x), nil
}

// text is the member called name, "" when it is missing.
func (j webKey) text(name string) (string, error) {
	switch v := j[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("%s: not a string", name)
}

func (j webKey) bytes(name string) ([]byte, error) {
	text, err := j.text(name)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, fmt.Errorf("%s: missing", name)
	}
	b, err := decodeLoosely(text)
	if err != nil {
		return nil, fmt.Errorf("%s: not base64url", name)
	}
	return b, nil
}

var alphabet = strings.NewReplacer("+", "-", "/", "_")

// decodeLoosely takes either alphabet of base64 and any padding: keys are written by all kinds of programs.
func decodeLoosely(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(alphabet.Replace(strings.TrimRight(s, "=")))
}

// entries are the keys of a JWK set; ok is false if text is none.
func entries(text []byte) (raws []json.RawMessage, ok bool) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	return doc.Keys, json.Unmarshal(text, &doc) == nil
}

// read adds the keys of a JWK set; secrets says that shared ones count.
func (s *Set) read(raws []json.RawMessage, secrets bool) {
	for i, raw := range raws {
		label := fmt.Sprintf("keys[%d]", i)
		var j webKey
		if json.Unmarshal(raw, &j) != nil || j == nil {
			s.leave(label, errors.New("not a JSON object"))
			continue
		}
		if id, _ := j["kid"].(string); id != "" {
			label += fmt.Sprintf(" (kid %.64s)", id)
		}
		k, private, err := j.key()
		if err == nil && k.Secret() && !secrets {
			err = errShared
		}
		if err != nil {
			s.leave(label, err)
			continue
		}
		s.add(label, k, private)
	}
}
