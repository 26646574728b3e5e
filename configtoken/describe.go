package configtoken

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// A Description is what a sealed text tells about itself to those who cannot open it. None of it is proven.
type Description struct {
	Format Format
	// Size is the length of the text in bytes.
	Size int
	// Algorithm and Encryption are the alg and enc of the JOSE header, Algorithm alone for a signed-only token.
	// A sealed token in EAS's format names neither.
	Algorithm, Encryption string
	// KeyID names the key that sealed a native token.
	KeyID string
	// Compressed and Signed say that a native token holds deflated text, and a signature inside.
	Compressed, Signed bool
}

// Describe reads the header of sealed text without opening it, for people who look for the right key.
// Its strings are as long and as strange as whoever wrote the text liked.
func Describe(sealed string) (Description, error) {
	d := Description{Size: len(sealed)}
	if len(sealed) > MaxSealed {
		return d, errors.New("config token: too long to be one")
	}
	dots := strings.Count(sealed, ".")
	switch {
	case dots == 4 || dots == 2:
		err := d.header(sealed, dots == 4)
		return d, err
	case strings.HasPrefix(strings.TrimSpace(sealed), "{"):
		return d, nil
	case len(decodeLenient(sealed)) >= 16:
		d.Format = EAS
		return d, nil
	}
	return d, errors.New("config token: neither a JWE nor base64")
}

func (d *Description) header(sealed string, jwe bool) error {
	first, _, _ := strings.Cut(strings.TrimSpace(sealed), ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return errors.New("config token: header: not base64url")
	}
	var h struct {
		Alg, Enc, Kid, Zip, Cty string
	}
	if json.Unmarshal(raw, &h) != nil {
		return errors.New("config token: header: not JSON")
	}
	d.Algorithm, d.Encryption, d.KeyID = h.Alg, h.Enc, h.Kid
	d.Format = EAS
	if jwe {
		d.Format, d.Compressed, d.Signed = Native, h.Zip != "", h.Cty == nested
	}
	return nil
}
