package jsregexp

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A condition is a pattern for package regexp, and whether it must match or must not.
type condition struct {
	pattern string
	want    bool
}

// A translator writes a pattern for package regexp, as far as that means the same as JavaScript there. Each of its
// methods reads something and reports false for whatever is not on its list: what Go lacks or reads otherwise, and what
// is no regular expression. QuickJS decides about those.
type translator struct {
	strings.Builder
	flags
	pattern, rest string
	depth         int
	conditions    []condition
	// wide says that the pattern may match half of a character beyond U+FFFF, which is two in JavaScript and one in Go.
	wide bool
	// foreign says that the translator stopped at what may well be JavaScript.
	foreign bool
}

const (
	maxNesting = 200 // groups within groups
	// What JavaScript's \s is, what it is not, and what a dot is not.
	spaces   = `\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	noSpaces = `\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}` +
		`\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
	newlines = `\n\r\x{2028}\x{2029}`
)

// translate reads the whole pattern. Lookaheads right after a leading ^, as in /^(?!\/admin)/, become conditions.
func (t *translator) translate() bool {
	t.rest = t.pattern
	start := t.take("^")
	if t.multiline || t.unicode || t.sticky {
		return t.stop()
	}
	for start && (t.at("(?=") || t.at("(?!")) {
		want := t.at("(?=")
		t.rest = t.rest[3:]
		t.WriteString(`\A(?:`)
		t.depth++
		if !t.disjunction() || !t.take(")") || t.quantified() {
			return false
		}
		t.depth--
		t.WriteByte(')')
		t.conditions = append(t.conditions, condition{t.String(), want})
		t.Reset()
	}
	if start {
		t.WriteString(`\A`)
	}
	if start && t.quantified() || !t.disjunction() || t.rest != "" {
		return false
	}
	t.conditions = append(t.conditions, condition{t.String(), true})
	return true
}

func (t *translator) stop() bool {
	t.foreign = true
	return false
}

func (t *translator) at(prefix string) bool { return strings.HasPrefix(t.rest, prefix) }

func (t *translator) take(prefix string) (ok bool) {
	t.rest, ok = strings.CutPrefix(t.rest, prefix)
	return ok
}

func (t *translator) disjunction() bool {
	if t.depth++; t.depth > maxNesting {
		return t.stop()
	}
	defer func() { t.depth-- }()
	for t.rest != "" && !t.at(")") {
		if !t.at("|") && !t.term() {
			return false
		}
		if t.take("|") {
			t.WriteByte('|')
			if t.depth == 1 && len(t.conditions) > 0 { // the conditions are the first alternative's
				return t.stop()
			}
		}
	}
	return true
}

// assertions are what takes no quantifier.
var assertions = map[string]string{"^": `\A`, "$": `\z`, `\b`: `\b`, `\B`: `\B`}

func (t *translator) term() (ok bool) {
	for js, text := range assertions {
		if t.take(js) {
			t.WriteString(text)
			t.wide = t.wide || js == `\B`
			return !t.quantified()
		}
	}
	switch {
	case t.quantified():
		return false
	case t.at("(?") && !t.at("(?:"), t.at("]"), t.at("}"):
		return t.stop()
	case t.take("(?:"), t.take("("):
		t.WriteString("(?:")
		ok = t.disjunction() && t.take(")")
		t.WriteByte(')')
	case t.take("["):
		ok = t.class()
	case t.take("."):
		t.wide = true
		t.WriteString(map[bool]string{true: "(?s:.)", false: "[^" + newlines + "]"}[t.dotAll])
	default:
		ok = t.character()
	}
	return ok && t.quantifier()
}

// character reads one character, or a class escape.
func (t *translator) character() bool {
	a, ok := t.atom(false)
	if ok && a.class == "" && (a.r >= utf8.RuneSelf || !t.ignoreCase) {
		t.WriteString(regexp.QuoteMeta(string(a.r)))
		return !t.ignoreCase || t.stop()
	}
	t.WriteByte('[')
	ok = ok && t.ranges(a, a)
	t.WriteByte(']')
	return ok
}

var quantifier = regexp.MustCompile(`^(?:[*+?]|\{(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*)?)?\})\??`)

// quantifier reads a quantifier if one comes next. Go takes no more than 1000 times.
func (t *translator) quantifier() bool {
	text := quantifier.FindString(t.rest)
	t.WriteString(text)
	t.take(text)
	return text == "" || !t.quantified()
}

// quantified reports whether something comes next that may be a quantifier.
func (t *translator) quantified() bool { return t.rest != "" && strings.Contains("*+?{", t.rest[:1]) }

// class reads […] behind its bracket.
func (t *translator) class() bool {
	t.WriteByte('[')
	if t.take("^") {
		t.wide = true
		t.WriteByte('^')
	}
	if t.at("]") {
		return t.stop()
	}
	for !t.take("]") {
		lo, ok := t.atom(true)
		hi := lo
		if ok && t.at("-") && !t.at("-]") {
			t.take("-")
			hi, ok = t.atom(true)
			if lo.class+hi.class != "" { // the dash stands for itself (ECMA-262 §B.1.2)
				t.WriteString(`\-`)
				ok = ok && t.ranges(lo, lo)
				lo = hi
			}
		}
		if !ok || !t.ranges(lo, hi) {
			return false
		}
	}
	t.WriteByte(']')
	return true
}

// ranges writes the characters from lo to hi, and their other case with the flag i, or one class escape.
func (t *translator) ranges(lo, hi atom) bool {
	switch {
	case lo.class != "":
		t.WriteString(lo.class)
		return true
	case lo.r > hi.r:
		return false
	case hi.r >= utf8.RuneSelf && t.ignoreCase:
		return t.stop()
	}
	t.wide = t.wide || hi.r >= 0xd800
	fmt.Fprintf(t, `\x{%x}-\x{%x}`, lo.r, hi.r)
	for _, c := range []struct{ first, last, other rune }{{'a', 'z', 'A' - 'a'}, {'A', 'Z', 'a' - 'A'}} {
		if from, to := max(lo.r, c.first), min(hi.r, c.last); t.ignoreCase && from <= to {
			fmt.Fprintf(t, `\x{%x}-\x{%x}`, from+c.other, to+c.other)
		}
	}
	return true
}

// An atom is a character, or what a class escape stands for within Go's brackets.
type atom struct {
	r     rune
	class string
}

var (
	classes  = map[rune]string{'d': `\d`, 'D': `\D`, 'w': `\w`, 'W': `\W`, 's': spaces, 'S': noSpaces}
	controls = map[rune]rune{'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}
	numbers  = regexp.MustCompile(`^(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})`)
)

func (t *translator) atom(inClass bool) (atom, bool) {
	escaped := t.take(`\`)
	c, size := utf8.DecodeRuneInString(t.rest)
	if size == 0 {
		return atom{}, false
	}
	if number := numbers.FindString(t.rest); escaped && number != "" {
		t.rest = t.rest[len(number):]
		r, _ := strconv.ParseInt(number[1:], 16, 32)
		return atom{r: rune(r)}, r < 0xd800 || r > 0xdfff || t.stop()
	}
	t.rest = t.rest[size:]
	switch letter := c|0x20 >= 'a' && c|0x20 <= 'z'; {
	case c > 0xffff, escaped && c >= utf8.RuneSelf:
		return atom{}, t.stop()
	case !escaped:
		return atom{r: c}, true
	case classes[c] != "":
		t.wide = t.wide || c < 'a'
		return atom{class: classes[c]}, true
	case controls[c] != 0:
		return atom{r: controls[c]}, true
	case c == 'b' && inClass:
		return atom{r: '\b'}, true
	case letter, c >= '0' && c <= '9':
		return atom{}, t.stop()
	}
	return atom{r: c}, true
}
