package headers

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/internal/query"
)

// text is v as a header value: strings as they are, the rest as JSON, then encoded.
func (it *item) text(v query.Value) (string, error) {
	_, undefined := v.(query.Undefined)
	s, ok := v.(string)
	if !ok {
		text, err := query.AppendJSON(nil, v)
		if err != nil {
			return "", err
		}
		s = string(text)
	}
	switch it.encoding {
	case "latin1":
		return latin1(s)
	case "base64":
		if undefined {
			return "", errAbsent
		}
		return base64.StdEncoding.EncodeToString([]byte(s)), nil
	case "uri", "url":
		if undefined {
			return "undefined", nil
		}
		return encodeURIComponent(s), nil
	}
	if it.native {
		return it.utf8(s, !ok)
	}
	return latin1(s)
}

// utf8 is what a native token sends. The bytes of the request's own headers stay what they were.
func (it *item) utf8(s string, isJSON bool) (string, error) {
	switch it.source {
	case "req", "parentRequestInfo", "parentReqInfo":
		if same, err := latin1(s); err == nil && !isJSON {
			return same, nil
		}
	}
	if isJSON {
		s = query.ASCII(s)
	}
	if !utf8.ValidString(s) || !httpguts.ValidHeaderFieldValue(s) {
		return "", errValue
	}
	return s, nil
}

const errValue = Unsendable("value cannot be sent in a header")

// latin1 encodes s as Node.js sends header values: one byte a code point up to U+00FF, tabs but no other control
// characters. Anything else is an error, for it cannot be sent.
func latin1(s string) (string, error) {
	encoded, ok := query.Latin1Bytes(s)
	if !ok || !httpguts.ValidHeaderFieldValue(encoded) {
		return "", errValue
	}
	return encoded, nil
}

// encodeURIComponent is ECMA-262 §19.2.6.4.
func encodeURIComponent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
