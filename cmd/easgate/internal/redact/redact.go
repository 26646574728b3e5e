// Package redact shows config tokens and configuration without what is secret in them.
package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Text stands where a secret was.
const Text = "[redacted]"

// secretWords are found anywhere in a member's name, spelled in any case and with - or _ or neither.
var secretWords = []string{
	"password", "passwd", "passphrase", "secret", "credential", "htpasswd", "privatekey", "apikey", "connectionstring",
}

// secretNames are whole names that are too short to be looked for inside others.
var secretNames = []string{
	"pass", "pwd", "key", "keys", "pfx", "dsn", "token", "configtoken", "accesstoken", "refreshtoken", "idtoken", "authorization", "cookie", "snippet",
	// the private members of a JSON Web Key, RFC 7518 §6
	"k", "d", "p", "q", "dp", "dq", "qi", "oth",
}

// presented are the members of plugins that list what a client must present.
var presented = map[string]string{"request_header": "headers", "request_param": "params"}

// JSON returns raw with every secret replaced by [Text], recognised by the name of its member. Order and numbers stay.
// Text that is not JSON becomes Text as a whole.
func JSON(raw json.RawMessage) json.RawMessage {
	b, err := value(nil, raw)
	if err != nil {
		return json.RawMessage(quote(Text))
	}
	return b
}

func value(b []byte, raw json.RawMessage) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) > 0 && raw[0] == '{':
		return object(b, raw)
	case len(raw) > 0 && raw[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		b = append(b, '[')
		for i, e := range list {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = value(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case !json.Valid(raw):
		return nil, errNotJSON
	}
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return append(b, quote(withoutPassword(s))...), nil
	}
	return append(b, raw...), nil
}

// URL returns uri without its query.
func URL(uri string) string {
	before, _, cut := strings.Cut(uri, "?")
	if cut {
		return before + "?…"
	}
	return before
}

var errNotJSON = errors.New("not JSON")

type member struct {
	name  string
	value json.RawMessage
}

func object(b []byte, raw json.RawMessage) ([]byte, error) {
	members, err := membersOf(raw)
	if err != nil {
		return nil, err
	}
	var kind string
	for _, m := range members {
		if m.name == "type" {
			_ = json.Unmarshal(m.value, &kind) // a type that is no text names no plugin
		}
	}
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quote(m.name)...)
		b = append(b, ':')
		switch {
		case presented[kind] == m.name && m.name != "":
			b = blot(b, m.value, true)
		case secret(m.name):
			b = blot(b, m.value, false)
		default:
			if b, err = value(b, m.value); err != nil {
				return nil, err
			}
		}
	}
	return append(b, '}'), nil
}

func membersOf(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var members []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		s, _ := name.(string)
		members = append(members, member{s, v})
	}
	return members, nil
}

// blot writes Text in place of raw. An address to fetch a key from is no secret, and nothing is none either; keep keeps
// the names of an object's members.
func blot(b []byte, raw json.RawMessage, keep bool) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil && (s == "" || keyAddress.MatchString(s)) || string(raw) == "null" || string(raw) == "true" || string(raw) == "false" {
		return append(b, raw...)
	}
	members, err := []member(nil), error(nil)
	if keep && bytes.HasPrefix(raw, []byte("{")) {
		members, err = membersOf(raw)
	}
	if members == nil || err != nil {
		return append(b, quote(Text)...)
	}
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quote(m.name)...)
		b = append(b, ':')
		b = append(b, quote(Text)...)
	}
	return append(b, '}')
}

var keyAddress = regexp.MustCompile(`^https?://[^@\s]+$`)

func secret(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
	return slices.Contains(secretNames, name) || slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

var userinfo = regexp.MustCompile(`(^[A-Za-z][A-Za-z0-9+.-]*://[^/@:\s]*:)[^@\s]*@`)

// withoutPassword blots the password out of an address such as postgres://user:password@host/db.
func withoutPassword(s string) string { return userinfo.ReplaceAllString(s, "${1}"+Text+"@") }

func quote(s string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always has a JSON form
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
