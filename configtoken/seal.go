package configtoken

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Sealer returns what seals claims in the native format, under the first key of k, and signed if k signs.
// A keyring with nothing but the public halves of signing keys is a server's and seals nothing: its tokens would be
// unsigned among signed ones.
//
// Seal wants one JSON object in which no member occurs twice, with exp and nbf, if any, as numbers. White space goes.
// The text is URL-safe, about 115 bytes longer than four thirds of the compressed claims, and at most [MaxSealed] long.
func (k *Keyring) Sealer() (Sealer, error) {
	if len(k.seal) == 0 {
		return nil, errors.New("keyring: no key to seal with")
	}
	if len(k.sign) > 0 && !k.signs() {
		return nil, fmt.Errorf("keyring: kid %q is the public half of a signing key: seal where the private half is",
			k.sign[0].id)
	}
	return nativeSealer{k}, nil
}

type nativeSealer struct{ ring *Keyring }

func (s nativeSealer) Seal(claims json.RawMessage) (string, error) {
	payload, err := sealable(claims)
	if err != nil {
		return "", err
	}
	key := jose.Recipient{
		Algorithm: jose.DIRECT,
		Key:       s.ring.seal[0].secret,
		KeyID:     s.ring.seal[0].id,
	}
	headers := map[jose.HeaderKey]any{}
	if s.ring.signs() {
		if payload, err = s.sign(payload); err != nil {
			return "", err
		}
		headers[jose.HeaderContentType] = nested
	}
	// go-jose compresses at the fastest level, and small payloads grow. It takes what was deflated here as it is.
	if deflated := deflate(payload); len(deflated)+len(zipHeader) < len(payload) {
		payload = deflated
		headers["zip"] = jose.DEFLATE
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, key, &jose.EncrypterOptions{ExtraHeaders: headers})
	if err != nil {
		return "", fmt.Errorf("config token: %w", err)
	}
	sealed, err := encrypter.Encrypt(payload)
	if err != nil {
		return "", fmt.Errorf("config token: %w", err)
	}
	text, err := sealed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("config token: %w", err)
	}
	return bounded(text)
}

const (
	// nested is the cty of a JWE that holds a JWS over claims (RFC 7519 §5.2).
	nested = "JWT"
	// zipHeader is what compression costs in the protected header.
	zipHeader = `,"zip":"DEF"`
)

func (s nativeSealer) sign(payload []byte) ([]byte, error) {
	key := s.ring.sign[0]
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA,
		Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, nil)
	if err != nil {
		return nil, fmt.Errorf("config token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("config token: %w", err)
	}
	text, err := signed.CompactSerialize()
	return []byte(text), err
}

// sealable returns claims without white space if they may be sealed. What opening would read in two ways is refused.
func sealable(claims json.RawMessage) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, claims); err != nil {
		return nil, fmt.Errorf("config token: claims: %w", err)
	}
	payload := compact.Bytes()
	if repeated(payload) {
		return nil, errors.New("config token: claims: a member occurs twice in one object")
	}
	if _, err := parse(Native, payload); err != nil {
		return nil, fmt.Errorf("config token: claims: %w", err)
	}
	return payload, nil
}

func bounded(text string) (string, error) {
	if len(text) > MaxSealed {
		return "", fmt.Errorf("config token: %d bytes long when sealed, at most %d are opened", len(text), MaxSealed)
	}
	return text, nil
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // the level is valid
	_, _ = w.Write(b)                                    // to memory
	_ = w.Close()
	return out.Bytes()
}
