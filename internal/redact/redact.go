package redact

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/strictjson"
)

// Text stands where a secret was.
const Text = secret.Redacted

// secretWords are found anywhere in a member's name, spelled in any case and with - or _ or neither.
var secretWords = []string{
	"password", "passwd", "passphrase", "secret", "credential", "htpasswd", "privatekey", "apikey", "connectionstring",
}

// secretNames are whole names that are too short to be looked for inside others.
var secretNames = []string{
	"pass", "authpass", "pwd", "key", "keys", "pfx", "dsn", "token", "configtoken", "accesstoken", "refreshtoken",
	"idtoken",
	"authorization", "cookie", "snippet",
	// the private members of a JSON Web Key, RFC 7518 §6
	"k", "d", "p", "q", "dp", "dq", "qi", "oth",
}

// JSON returns raw with every secret replaced by [Text], recognised by the name of its member. Order and numbers stay.
// Text that is not JSON becomes Text as a whole.
func JSON(raw json.RawMessage) json.RawMessage { return As(raw, nil) }

// As is [JSON] for what decodes into t, whose fields say what is secret; see package plugins. Members that t has no
// field for are recognised by their names.
func As(raw json.RawMessage, t reflect.Type) json.RawMessage {
	return redactor{}.redact(raw, t)
}

// Token is [JSON] for a config token. options returns the type of a plugin's options, nil for a plugin that is not
// known.
func Token(claims json.RawMessage, options func(plugin string) reflect.Type) json.RawMessage {
	return redactor{options}.redact(claims, reflect.TypeFor[token]())
}

// token is where a config token has its plugins.
type token struct {
	EAS struct {
		Plugins []entry `json:"plugins"`
	} `json:"eas"`
}

// entry stands for the options of the plugin that its type names.
type entry struct{}

// URL returns uri without its query.
func URL(uri string) string {
	before, _, cut := strings.Cut(uri, "?")
	if cut {
		return before + "?…"
	}
	return before
}

type redactor struct {
	options func(plugin string) reflect.Type
}

// marks are what is known of a value from outside it, as a field's tag secret has them; "" for nothing.
const (
	markSecret = "true"
	markURL    = "url"
	markOpen   = "false"
	// markNamed is a value of a member that has a secret's name.
	markNamed = "named"
)

func (r redactor) redact(raw json.RawMessage, t reflect.Type) json.RawMessage {
	if !json.Valid(raw) {
		return quote(nil, Text)
	}
	return r.value(nil, raw, t, "")
}

// value appends raw, which is JSON and decodes into t; nil for a type that nobody knows.
func (r redactor) value(b []byte, raw json.RawMessage, t reflect.Type, mark string) []byte {
	raw = bytes.TrimSpace(raw)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[secret.Text]() && mark == "" {
		mark = markSecret
	}
	if mark == markOpen {
		mark = ""
	}
	isMap := t != nil && t.Kind() == reflect.Map
	switch {
	case raw[0] == '{' && (mark == "" || isMap):
		return r.object(b, raw, t, mark)
	case raw[0] == '[' && mark == "":
		var list []json.RawMessage
		_ = json.Unmarshal(raw, &list) // it is valid
		if t != nil && t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		b = append(b, '[')
		for i, e := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.value(b, e, t, "")
		}
		return append(b, ']')
	}
	return scalar(b, raw, mark)
}

func (r redactor) object(b []byte, raw json.RawMessage, t reflect.Type, mark string) []byte {
	members := membersOf(raw)
	if t == reflect.TypeFor[entry]() {
		t = r.plugin(members)
	}
	var fields map[string]reflect.StructField
	if t != nil {
		fields = strictjson.Fields(t)
	}
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote(b, m.name), ':')
		f, known := fields[m.name]
		switch {
		case known:
			b = r.value(b, m.value, f.Type, f.Tag.Get("secret"))
		case t != nil && t.Kind() == reflect.Map:
			b = r.value(b, m.value, t.Elem(), mark)
		case secretName(m.name):
			b = r.value(b, m.value, nil, markNamed)
		default:
			b = r.value(b, m.value, nil, "")
		}
	}
	return append(b, '}')
}

// plugin returns the type of the options of the plugin whose entry has these members.
func (r redactor) plugin(members []member) reflect.Type {
	var name string
	for _, m := range members {
		if m.name == "type" {
			_ = json.Unmarshal(m.value, &name) // a type that is no text names no plugin
		}
	}
	return r.options(name)
}

// scalar appends raw, or [Text] for a secret. Nothing and a boolean are no secrets, nor is the address of a key.
func scalar(b []byte, raw json.RawMessage, mark string) []byte {
	var s string
	isText := json.Unmarshal(raw, &s) == nil
	switch {
	case string(raw) == "null" || string(raw) == "true" || string(raw) == "false" || isText && s == "":
		return append(b, raw...)
	case mark == markURL && isText && address.MatchString(s), mark == "" && isText:
		return quote(b, withoutPassword(s))
	case mark == "", mark == markNamed && isText && address.MatchString(s) && !strings.Contains(s, "@"):
		return append(b, raw...)
	}
	return quote(b, Text)
}

type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of an object in their order.
func membersOf(raw json.RawMessage) (members []member) {
	d := json.NewDecoder(bytes.NewReader(raw))
	_, _ = d.Token() // raw is valid
	for d.More() {
		name, _ := d.Token()
		var v json.RawMessage
		_ = d.Decode(&v)
		s, _ := name.(string)
		members = append(members, member{s, v})
	}
	return members
}

func secretName(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
	return slices.Contains(secretNames, name) ||
		slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

var (
	address = regexp.MustCompile(`^https?://\S+$`)
	// userinfo ends at the last @: a password may have one.
	userinfo = regexp.MustCompile(`(^[A-Za-z][A-Za-z0-9+.-]*://[^/@:\s]*:)\S*@`)
)

// withoutPassword blots the password out of an address such as postgres://user:password@host/db.
func withoutPassword(s string) string { return userinfo.ReplaceAllString(s, "${1}"+Text+"@") }

func quote(b []byte, s string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always has a JSON form
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}
