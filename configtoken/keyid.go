package configtoken

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// KeyID returns the id of the key that a native token says it is sealed under, without opening it: for people who look
// for the right key. It is "" for anything else, and it proves nothing.
func KeyID(sealed string) string {
	first, _, _ := strings.Cut(sealed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || len(sealed) > MaxSealed || strings.Count(sealed, ".") != 4 {
		return ""
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if json.Unmarshal(raw, &header) != nil || !keyID.MatchString(header.KeyID) {
		return ""
	}
	return header.KeyID
}
