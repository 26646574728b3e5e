package configtoken

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The only algorithms that are taken: a stranger's header does not choose any work but AES-GCM under our keys.
var (
	keyAlgorithms     = []jose.KeyAlgorithm{jose.DIRECT}
	contentAlgorithms = []jose.ContentEncryption{jose.A256GCM}
	signAlgorithms    = []jose.SignatureAlgorithm{jose.EdDSA}
)

// maxHeader bounds a JWE's protected header in base64url. Ours take less than 200 bytes.
const maxHeader = 1024

// openNative opens a compact JWE. The order of what is looked at follows who can have written it: the shape of the
// text and its header are anybody's; only a key holder's text gets as far as inflating and verifying.
func openNative(sealed string, ring *Keyring, requireSigned bool) (Token, error) {
	if !nativeShape(sealed) {
		return Token{}, ErrUnreadable
	}
	jwe, err := jose.ParseEncryptedCompact(sealed, keyAlgorithms, contentAlgorithms)
	if err != nil {
		return Token{}, ErrUnreadable
	}
	secret := ring.secret(jwe.Header.KeyID)
	if secret == nil {
		return Token{}, ErrUnreadable
	}
	payload, err := jwe.Decrypt(secret) // inflates to at most 10 times the compressed size, or 250 kB
	if err != nil {
		return Token{}, ErrUnreadable
	}
	switch cty := jwe.Header.ExtraHeaders[jose.HeaderContentType]; {
	case cty == nested:
		if payload = verify(payload, ring); payload == nil {
			return Token{}, ErrUnreadable
		}
	case cty != nil, requireSigned:
		return Token{}, ErrUnreadable
	}
	t, err := parse(Native, payload)
	if err != nil {
		return Token{}, ErrUnreadable
	}
	return t, nil
}

// verify returns the payload of a compact JWS if a key of the keyring signed it, else nil.
func verify(text []byte, ring *Keyring) []byte {
	jws, err := jose.ParseSignedCompact(string(text), signAlgorithms)
	if err != nil {
		return nil
	}
	public := ring.verifier(jws.Signatures[0].Protected.KeyID)
	if public == nil {
		return nil
	}
	payload, err := jws.Verify(public)
	if err != nil {
		return nil
	}
	return payload
}

// nativeShape reports whether text can be one of our JWEs, before anything is decoded: five parts, no encrypted key, a
// 96-bit IV, a 128-bit tag, and each part the one base64url spelling of its bytes.
func nativeShape(text string) bool {
	if len(text) > MaxSealed || strings.Count(text, ".") != 4 {
		return false
	}
	part := strings.Split(text, ".")
	return len(part[0]) <= maxHeader && canonical(part[0]) &&
		part[1] == "" &&
		len(part[2]) == 16 && canonical(part[2]) &&
		len(part[3]) > 0 && canonical(part[3]) &&
		len(part[4]) == 22 && canonical(part[4])
}

// canonical reports whether s is base64url without padding, with its unused bits clear: the text of a token is the key
// under which it is remembered and revoked, so there must be one spelling of it. (Strict decoding alone skips
// newlines.)
func canonical(s string) bool {
	for i := range len(s) {
		if sextet(s[i]) == junk || s[i] == '+' || s[i] == '/' {
			return false
		}
	}
	switch len(s) % 4 {
	case 1:
		return false
	case 2, 3:
		_, err := base64.RawURLEncoding.Strict().DecodeString(s[len(s)&^3:])
		return err == nil
	}
	return true
}
