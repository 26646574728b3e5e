package configtoken

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// jwk is a JSON Web Key (RFC 7517) of the two kinds that a keyring holds. Binary members are base64url without padding.
type jwk struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Secret    string `json:"k,omitempty"`
	Curve     string `json:"crv,omitempty"`
	Public    string `json:"x,omitempty"`
	Private   string `json:"d,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// keyID is what a kid may be: it stands in every token, in logs and in command lines.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

// ParseKeyring reads a JWK set (RFC 7517 §5) of keys
//
//	{"kty":"oct", "kid":…, "alg":"A256GCM", "use":"enc", "k":…}
//	{"kty":"OKP", "kid":…, "crv":"Ed25519", "alg":"EdDSA", "use":"sig", "x":…, "d":…}
//
// in which alg and use may be missing, and d where only the public half is known. Anything else is refused, a misspelt
// member included: a keyring that means less than its writer thinks must not start a server.
// Errors name a key by its place and id and never quote what is in it.
func ParseKeyring(data []byte) (*Keyring, error) {
	if !json.Valid(data) {
		return nil, errors.New("keyring: not JSON")
	}
	if repeated(data) {
		return nil, errors.New("keyring: a member occurs twice in one object")
	}
	top, err := object(bytes.TrimSpace(data))
	if err != nil {
		return nil, fmt.Errorf("keyring: not a JWK set: %w", err)
	}
	var raw []json.RawMessage
	if len(top) != 1 || json.Unmarshal(top["keys"], &raw) != nil {
		return nil, errors.New(`keyring: not a JWK set: want {"keys": [...]}`)
	}
	k := new(Keyring)
	for i, r := range raw {
		id, err := k.add(r)
		if err == nil {
			continue
		}
		if keyID.MatchString(id) {
			return nil, fmt.Errorf("keyring: keys[%d] (kid %q): %w", i, id, err)
		}
		return nil, fmt.Errorf("keyring: keys[%d]: %w", i, err)
	}
	if len(k.seal) == 0 {
		return nil, errors.New(`keyring: no key of kty "oct"`)
	}
	return k, nil
}

// add reads one key into k. The id is "" for a key that cannot be read that far.
func (k *Keyring) add(raw json.RawMessage) (id string, err error) {
	members, err := object(raw)
	if err != nil {
		return "", errors.New("not an object")
	}
	var key jwk
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"kid", &key.ID}, // first: errors about the others name it
		{"kty", &key.Type}, {"use", &key.Use}, {"alg", &key.Algorithm},
		{"k", &key.Secret}, {"crv", &key.Curve}, {"x", &key.Public}, {"d", &key.Private},
	} {
		if value, ok := members[f.name]; ok && (value[0] != '"' || json.Unmarshal(value, f.to) != nil) {
			return key.ID, fmt.Errorf("%s: not a string", f.name)
		}
		delete(members, f.name)
	}
	if len(members) > 0 {
		return key.ID, errors.New("a member that is none of kty, kid, use, alg, k, crv, x, d")
	}
	if !keyID.MatchString(key.ID) {
		return "", errors.New("kid: want 1 to 64 of A-Z a-z 0-9 . _ ~ -")
	}
	if k.secret(key.ID) != nil || k.verifier(key.ID) != nil {
		return key.ID, errors.New("kid: used by an earlier key")
	}
	switch key.Type {
	case "oct":
		return key.ID, k.addSeal(key)
	case "OKP":
		return key.ID, k.addSign(key)
	}
	return key.ID, errors.New(`kty: want "oct" or "OKP"`)
}

func (k *Keyring) addSeal(key jwk) error {
	switch {
	case key.Curve != "" || key.Public != "" || key.Private != "":
		return errors.New("crv, x, d: not for an oct key")
	case key.Algorithm != "" && key.Algorithm != "A256GCM":
		return errors.New(`alg: want "A256GCM"`)
	case key.Use != "" && key.Use != "enc":
		return errors.New(`use: want "enc"`)
	}
	secret, err := bits256(key.Secret)
	if err != nil {
		return fmt.Errorf("k: %w", err)
	}
	k.seal = append(k.seal, sealKey{id: key.ID, secret: secret})
	return nil
}

func (k *Keyring) addSign(key jwk) error {
	switch {
	case key.Secret != "":
		return errors.New("k: not for an OKP key")
	case key.Curve != "Ed25519":
		return errors.New(`crv: want "Ed25519"`)
	case key.Algorithm != "" && key.Algorithm != "EdDSA":
		return errors.New(`alg: want "EdDSA"`)
	case key.Use != "" && key.Use != "sig":
		return errors.New(`use: want "sig"`)
	}
	public, err := bits256(key.Public)
	if err != nil {
		return fmt.Errorf("x: %w", err)
	}
	s := signKey{id: key.ID, public: public}
	if key.Private != "" {
		seed, err := bits256(key.Private)
		if err != nil {
			return fmt.Errorf("d: %w", err)
		}
		if s.private = ed25519.NewKeyFromSeed(seed); !s.public.Equal(s.private.Public()) {
			return errors.New("d: x is not its public half")
		}
	}
	k.sign = append(k.sign, s)
	return nil
}

func bits256(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 {
		return nil, errors.New("want 32 bytes in base64url without padding")
	}
	return b, nil
}

// JWKSet returns k as the JWK set that [ParseKeyring] reads, indented, with all its secrets.
func (k *Keyring) JWKSet() []byte {
	var set jwkSet
	b64 := base64.RawURLEncoding.EncodeToString
	for _, s := range k.seal {
		set.Keys = append(set.Keys, jwk{Type: "oct", ID: s.id, Use: "enc", Algorithm: "A256GCM", Secret: b64(s.secret)})
	}
	for _, s := range k.sign {
		key := jwk{Type: "OKP", ID: s.id, Use: "sig", Algorithm: "EdDSA", Curve: "Ed25519", Public: b64(s.public)}
		if s.private != nil {
			key.Private = b64(s.private.Seed())
		}
		set.Keys = append(set.Keys, key)
	}
	out, _ := json.MarshalIndent(set, "", "  ") // strings alone cannot fail
	return append(out, '\n')
}
