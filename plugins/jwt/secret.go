package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/easgate/easgate/plugins"
)

// Keys is the option secret. It is never printed.
type Keys struct {
	text plugins.Secret
	set  json.RawMessage
	// file is the name of a file that holds keys or a shared secret.
	file string
	// shared says that text is a shared secret, whatever it looks like.
	shared, allowShort bool
	// given is false for nothing and null.
	given bool
}

var errForms = errors.New("want text, a JWK set, or one of {text: …}, {base64: …}, {base64url: …} and {file: …}")

// UnmarshalJSON takes text, an object or null.
func (k *Keys) UnmarshalJSON(raw []byte) error {
	*k = Keys{}
	if string(raw) == "null" {
		return nil
	}
	k.given = true
	if len(raw) == 0 || raw[0] != '{' {
		if json.Unmarshal(raw, &k.text) != nil {
			return errForms
		}
		return nil
	}
	var jwk struct {
		Keys, Kty  json.RawMessage
		AllowShort bool `json:"allow_short"`
	}
	if json.Unmarshal(raw, &jwk) != nil {
		return errForms
	}
	if jwk.Keys != nil || jwk.Kty != nil {
		k.set, k.allowShort = append(k.set, raw...), jwk.AllowShort
		return nil
	}
	return k.form(raw)
}

// form reads a secret that says what it is.
func (k *Keys) form(raw []byte) error {
	var f struct {
		Text, Base64, Base64URL, File string
		AllowShort                    bool `json:"allow_short"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&f) != nil {
		return errForms
	}
	given := slices.DeleteFunc([]string{f.Text, f.Base64, f.Base64URL, f.File}, func(s string) bool { return s == "" })
	if len(given) != 1 {
		return errForms
	}
	k.file, k.shared, k.allowShort = f.File, f.File == "", f.AllowShort
	secret := []byte(f.Text)
	var err error
	switch {
	case f.Base64 != "":
		secret, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(f.Base64, "=\r\n"))
	case f.Base64URL != "":
		secret, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(f.Base64URL, "=\r\n"))
	}
	if err != nil {
		return errors.New("not in the encoding that it says")
	}
	k.text = plugins.Secret(secret)
	return nil
}

// String keeps fmt from printing the secret.
func (k Keys) String() string {
	if k.set != nil {
		return "[redacted]"
	}
	return k.text.String()
}

// GoString keeps %#v from printing the secret.
func (k Keys) GoString() string { return "jwt.Keys(" + k.String() + ")" }

// MarshalText keeps encoders from writing the secret.
func (k Keys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
