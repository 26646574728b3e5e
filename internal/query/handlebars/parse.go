package handlebars

import (
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// parse reads text as a template of text and plain paths; it is false for anything else, right or wrong.
func parse(text string) (template, bool) {
	// The reference's lexer stops at NUL.
	if strings.IndexByte(text, 0) >= 0 {
		return nil, false
	}
	var t template
	trim := false
	for {
		i := strings.Index(text, "{{")
		content := text
		if i >= 0 {
			content = text[:i]
		}
		if trim {
			content = strings.TrimLeftFunc(content, query.IsSpace)
		}
		if i < 0 {
			t = t.add(content)
			break
		}
		// \{{ is text, and what a backslash before it makes of the rest is a state of the lexer.
		if i > 0 && text[i-1] == '\\' {
			return nil, false
		}
		m, rest, ok := parseMustache(text[i:])
		if !ok {
			return nil, false
		}
		if m.trimLeft {
			content = strings.TrimRightFunc(content, query.IsSpace)
		}
		t = append(t.add(content), m.piece)
		text, trim = rest, m.trimRight
	}
	// The compiled template adds the first two values before there is a text: with numbers, it adds numbers.
	if len(t) > 1 && t[0].raw && t[1].raw {
		return nil, false
	}
	if len(t) == 0 {
		t = template{{}}
	}
	return t, true
}

func (t template) add(text string) template {
	if text == "" {
		return t
	}
	return append(t, piece{text: text})
}

type mustache struct {
	piece
	trimLeft, trimRight bool
}

// parseMustache reads the mustache that s begins with, and returns what follows it.
func parseMustache(s string) (m mustache, rest string, ok bool) {
	s = s[len("{{"):]
	s, m.trimLeft = strings.CutPrefix(s, "~")
	closing := "}}"
	switch {
	case strings.HasPrefix(s, "{"):
		s, m.raw, closing = s[1:], true, "}}"
		m.path, s, ok = parsePath(s)
		if !ok || s == "" || s[0] != '}' {
			return m, "", false
		}
		s = s[1:]
	case strings.HasPrefix(s, "&"):
		s, m.raw = s[1:], true
		m.path, s, ok = parsePath(s)
	default:
		m.path, s, ok = parsePath(s)
	}
	if !ok {
		return m, "", false
	}
	s, m.trimRight = strings.CutPrefix(s, "~")
	rest, ok = strings.CutPrefix(s, closing)
	// More braces would have made another token.
	return m, rest, ok && !strings.HasPrefix(rest, "}")
}

const space = " \t\n\r"

// parsePath reads a path with white space around it.
func parsePath(s string) (*path, string, bool) {
	s = strings.TrimLeft(s, space)
	p := &path{}
	scoped := false
	switch {
	case strings.HasPrefix(s, "@root"):
		p.root = true
		s = s[len("@root"):]
	case strings.HasPrefix(s, "./"):
		scoped = true
		s = s[len("."):]
	case strings.HasPrefix(s, "."):
		scoped = true
		s = s[len("."):]
		if !ends(s) {
			return nil, "", false
		}
	default:
		name, rest, bracketed, ok := segment(s)
		if !ok || !bracketed && strings.HasPrefix(name, "else") {
			return nil, "", false
		}
		s = rest
		if scoped = name == "this" && !bracketed; !scoped {
			p.parts = append(p.parts, name)
		}
	}
	for s != "" && (s[0] == '.' || s[0] == '/') {
		name, rest, bracketed, ok := segment(s[1:])
		if !ok || name == "this" && !bracketed {
			return nil, "", false
		}
		p.parts = append(p.parts, name)
		s = rest
	}
	if !ends(s) || len(p.parts) == 1 && !scoped && !p.root && isHelper(p.parts[0]) {
		return nil, "", false
	}
	return p, strings.TrimLeft(s, space), true
}

// ends reports whether no more of a path comes.
func ends(s string) bool { return s != "" && strings.IndexByte(space+"}~", s[0]) >= 0 }

// segment reads one name. Fewer names are read than are legal: the others go to the reference.
func segment(s string) (name, rest string, bracketed, ok bool) {
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 2 || strings.ContainsAny(s[:i], "\\\n\r\u2028\u2029") {
			return "", "", false, false
		}
		return s[1:i], s[i+1:], true, true
	}
	i := 0
	for i < len(s) && (isLetter(s[i]) || i > 0 && (s[i] == '-' || '0' <= s[i] && s[i] <= '9')) {
		i++
	}
	name = s[:i]
	switch name {
	case "", "true", "false", "null", "undefined":
		return "", "", false, false
	}
	return name, s[i:], false, true
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$'
}

// isHelper reports whether a name alone calls a helper.
func isHelper(name string) bool {
	switch name {
	case "each", "if", "unless", "with", "log", "lookup", "helperMissing", "blockHelperMissing":
		return true
	}
	return false
}
