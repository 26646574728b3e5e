package jsregexp

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// needsBacktracking reports whether n has what package regexp lacks.
func needsBacktracking(n node, f flags) bool {
	switch n := n.(type) {
	case *look:
		return true
	case *backref:
		return !n.never
	case anchor:
		switch n {
		case '^', '$':
			// JavaScript's lines also end with \r, U+2028 and U+2029.
			return f.multiline
		default:
			return f.ignoreCase && f.unicode
		}
	}
	for _, child := range children(n) {
		if needsBacktracking(child, f) {
			return true
		}
	}
	return false
}

// An emitter writes a pattern for package regexp, or with backtracking for regexp2 in ECMAScript mode, in which a
// backreference to a group that took no part matches the empty text. Both get only constructs that mean the same
// everywhere.
type emitter struct {
	strings.Builder
	flags
	backtracking bool
}

func (e *emitter) node(n node) {
	switch n := n.(type) {
	case charSet:
		e.set(n.set)
	case sequence:
		for _, part := range n {
			e.node(part)
		}
	case choice:
		e.WriteString("(?:")
		for i, part := range n {
			if i > 0 {
				e.WriteByte('|')
			}
			e.node(part)
		}
		e.WriteByte(')')
	case *group:
		if n.used {
			fmt.Fprintf(e, "(?<g%d>", n.number)
		} else {
			e.WriteString("(?:")
		}
		e.node(n.body)
		e.WriteByte(')')
	case *repeat:
		e.repeat(n)
	case anchor:
		e.anchor(n)
	case *look:
		e.WriteString("(?")
		if n.behind {
			e.WriteByte('<')
		}
		if n.negative {
			e.WriteByte('!')
		} else {
			e.WriteByte('=')
		}
		e.node(n.body)
		e.WriteByte(')')
	case *backref:
		switch {
		case n.never:
			e.WriteString("(?:)")
		case e.ignoreCase:
			fmt.Fprintf(e, `(?i:\k<g%d>)`, n.number)
		default:
			fmt.Fprintf(e, `\k<g%d>`, n.number)
		}
	}
}

func (e *emitter) repeat(n *repeat) {
	e.WriteString("(?:")
	e.node(n.body)
	e.WriteByte(')')
	switch {
	case n.min == 0 && n.max < 0:
		e.WriteByte('*')
	case n.min == 1 && n.max < 0:
		e.WriteByte('+')
	case n.min == 0 && n.max == 1:
		e.WriteByte('?')
	case n.max < 0:
		fmt.Fprintf(e, "{%d,}", n.min)
	default:
		fmt.Fprintf(e, "{%d,%d}", n.min, n.max)
	}
	if n.lazy {
		e.WriteByte('?')
	}
}

func (e *emitter) anchor(a anchor) {
	switch {
	case a == '^' && e.multiline:
		e.WriteString(`(?:\A|(?<=`)
		e.set(newlines())
		e.WriteString("))")
	case a == '$' && e.multiline:
		e.WriteString(`(?:\z|(?=`)
		e.set(newlines())
		e.WriteString("))")
	case a == '^':
		e.WriteString(`\A`)
	case a == '$':
		e.WriteString(`\z`)
	case !e.backtracking:
		e.WriteString(`\` + string(a))
	default:
		before, after := "=", "!"
		if a == 'B' {
			before, after = "=", "="
		}
		w := words(e.flags)
		e.WriteString("(?:(?<" + before)
		e.set(w)
		e.WriteString(")(?" + after)
		e.set(w)
		e.WriteString(")|(?<!")
		e.set(w)
		if a == 'B' {
			e.WriteString(")(?!")
		} else {
			e.WriteString(")(?=")
		}
		e.set(w)
		e.WriteString("))")
	}
}

func (e *emitter) set(s set) {
	switch {
	case len(s) == 0 && e.backtracking:
		e.WriteString("(?!)")
	case len(s) == 0:
		e.WriteString(`[^\x{0}-\x{10ffff}]`)
	case len(s) == 2 && s[0] == s[1] && !e.backtracking && s[0] < 0x80:
		// As a literal, so that package regexp can look for it fast.
		e.WriteString(regexp.QuoteMeta(string(s[0])))
	case len(s) == 2 && s[0] == s[1]:
		e.char(s[0])
	default:
		e.WriteByte('[')
		for i := 0; i < len(s); i += 2 {
			e.char(s[i])
			if s[i] != s[i+1] {
				e.WriteByte('-')
				e.char(s[i+1])
			}
		}
		e.WriteByte(']')
	}
}

func (e *emitter) char(r rune) {
	switch {
	case !e.backtracking:
		e.WriteString(`\x{` + strconv.FormatInt(int64(r), 16) + `}`)
	case r <= 0xffff:
		fmt.Fprintf(e, `\u%04x`, r)
	case r <= unicode.MaxRune:
		e.WriteRune(r)
	}
}
