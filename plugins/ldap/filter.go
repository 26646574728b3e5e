package ldap

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/problem"
)

// A placeholder is what stands in a filter for something that is known only at the login.
type placeholder string

const (
	username placeholder = "{{username}}"
	userDN   placeholder = "{{dn}}"
)

// A filter is a search filter (RFC 4515) with placeholders.
type filter struct{ text string }

var (
	// unescaped is a backslash that a filter cannot have; a DN can.
	unescaped = regexp.MustCompile(`\\([^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|.?$)`)
	// bracketed is a value with a parenthesis in it.
	bracketed = regexp.MustCompile(`=[^()]+\(`)
)

// parseFilter checks that text is a filter once its placeholders are filled in. Outer parentheses may be missing.
func parseFilter(text string) (filter, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	f := filter{text}
	_, err := ldap.CompileFilter(f.fill("a", "a"))
	switch {
	case err == nil:
	case unescaped.MatchString(text):
		at := unescaped.FindString(text)
		return f, fmt.Errorf(`not a filter: a backslash in a value is written \5c, so %s of a DN is \5c%s; parentheses in `+
			`a value are \28 and \29 (RFC 4515)`,
			at, at[1:])
	case bracketed.MatchString(text):
		return f, fmt.Errorf(`not a filter: a "(" in a value is written \28 and a ")" \29 (RFC 4515): %w`, err)
	}
	return f, err
}

func (f filter) has(p placeholder) bool { return strings.Contains(f.text, string(p)) }

// foreign is what other programs write where {{username}} is meant.
var foreign = regexp.MustCompile(`%\(\w+\)s|%\{[\w-]+\}|%[suv]|\$\{\w+\}|\$\w+|\{\{\s*\w+\s*\}\}|\{\w+\}`)

// hint adds to err how the user's name is written, if f has another program's way.
func (f filter) hint(err error) error {
	if found := foreign.FindString(f.text); found != "" && !f.has(username) {
		return problem.Hint(err, "%s is another program's: here it is written {{username}}", found)
	}
	return err
}

// fill puts name and dn in place of the placeholders, escaped, so that they are values and nothing else: no name
// changes the shape of the filter, and the text of one is never searched for placeholders again.
func (f filter) fill(name, dn string) string {
	return strings.NewReplacer(
		string(username), ldap.EscapeFilter(name),
		string(userDN), ldap.EscapeFilter(dn),
	).Replace(f.text)
}

// compared is a part of a filter that compares {{username}} with an attribute.
var compared = regexp.MustCompile(`\(\s*([A-Za-z][A-Za-z0-9-]*)=([^()*{}\\]*)\{\{username\}\}([^()*{}\\]*)\)`)

// A loginAttribute holds names that users log in with, between two texts.
type loginAttribute struct{ name, before, after string }

// loginAttributes are those that f compares {{username}} with.
func (f filter) loginAttributes() (all []loginAttribute) {
	for _, m := range compared.FindAllStringSubmatch(f.text, -1) {
		all = append(all, loginAttribute{m[1], m[2], m[3]})
	}
	return all
}

// loginName is the name that user logs in with, as the directory writes it: it finds people by more spellings than the
// one that it has, and to applications, and to groups of names, each spelling is somebody else.
func loginName(user *ldap.Entry, attributes []loginAttribute, typed string) string {
	only := ""
	for _, a := range attributes {
		values := user.GetEqualFoldAttributeValues(a.name)
		for _, v := range values {
			name, ok := a.cut(v)
			switch {
			case ok && strings.EqualFold(name, typed):
				return name
			case ok && len(values) == 1 && only == "":
				only = name
			}
		}
	}
	if only != "" {
		return only
	}
	return typed
}

// cut takes the texts around the name off v.
func (a loginAttribute) cut(v string) (name string, ok bool) {
	n := len(v) - len(a.before) - len(a.after)
	if n <= 0 || !strings.EqualFold(v[:len(a.before)], a.before) || !strings.EqualFold(v[len(v)-len(a.after):], a.after) {
		return "", false
	}
	return v[len(a.before) : len(a.before)+n], true
}
