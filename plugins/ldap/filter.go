package ldap

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// A placeholder is what stands in a filter for something that is known only at the login.
type placeholder string

const (
	username placeholder = "{{username}}"
	userDN   placeholder = "{{dn}}"
)

// A filter is a search filter (RFC 4515) with placeholders.
type filter struct{ text string }

// parseFilter checks that text is a filter once its placeholders are filled in. Outer parentheses may be missing.
func parseFilter(text string) (filter, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	f := filter{text}
	_, err := ldap.CompileFilter(f.fill("a", "a"))
	return f, err
}

func (f filter) has(p placeholder) bool { return strings.Contains(f.text, string(p)) }

// fill puts name and dn in place of the placeholders, escaped, so that they are values and nothing else: no name
// changes the shape of the filter, and the text of one is never searched for placeholders again.
func (f filter) fill(name, dn string) string {
	return strings.NewReplacer(
		string(username), ldap.EscapeFilter(name),
		string(userDN), ldap.EscapeFilter(dn),
	).Replace(f.text)
}
