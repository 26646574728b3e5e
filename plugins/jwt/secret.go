package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
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

// Schema implements strictjson.Describer.
func (Keys) Schema() string {
	schema := `{"anyOf": [{"type": "string"}, {"type": "object", "required": ["keys"]}, {"type": "object", "required": ` +
		`["kty"]}`
	for _, form := range []string{"text", "base64", "base64url", "file"} {
		schema += `, {"type": "object", "required": ["` + form + `"], "additionalProperties": false,
			"properties": {"` + form + `": {"type": "string"}, "allow_short": {"type": "boolean"}}}`
	}
	return schema + `]}`
}

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
	var members map[string]json.RawMessage // names are exact, where a struct's fields take "Text" too
	if json.Unmarshal(raw, &members) != nil {
		return errForms
	}
	if a, ok := members["allow_short"]; ok && json.Unmarshal(a, &k.allowShort) != nil {
		return errForms
	}
	if members["keys"] != nil || members["kty"] != nil {
		k.set = append(k.set, raw...)
		return nil
	}
	return k.form(members)
}

// form reads a secret that says what it is.
func (k *Keys) form(members map[string]json.RawMessage) error {
	delete(members, "allow_short")
	var form, value string
	for form = range members {
		if json.Unmarshal(members[form], &value) != nil {
			return errForms
		}
	}
	if len(members) != 1 || value == "" {
		return errForms
	}
	secret := []byte(value)
	var err error
	switch form {
	case "text":
	case "base64":
		secret, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "=\r\n"))
	case "base64url":
		secret, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "=\r\n"))
	case "file":
		k.file, secret = value, nil
	default:
		return errForms
	}
	k.shared = form != "file"
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
