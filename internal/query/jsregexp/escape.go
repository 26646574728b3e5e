package jsregexp

import (
	"strings"
	"unicode"
)

// escape reads an escape outside of a class.
func (p *parser) escape() (node, error) {
	p.i++
	c := p.at(0)
	switch {
	case c >= '1' && c <= '9':
		start := p.i
		if n, _ := p.decimal(); n <= p.groups {
			return &backref{number: n}, nil
		}
		if p.unicode {
			return nil, p.errorf("reference to a group that does not exist")
		}
		p.i = start
	case c == 'k' && (p.unicode || len(p.names) > 0):
		p.i++
		if !p.take("<") {
			return nil, p.errorf("invalid named reference")
		}
		name, err := p.groupName()
		if err != nil {
			return nil, err
		}
		if p.names[name] == 0 {
			return nil, p.errorf("reference to a group that does not exist")
		}
		return &backref{number: p.names[name]}, nil
	}
	if s, ok, err := p.classEscape(); ok || err != nil {
		return charSet{s}, err
	}
	r, err := p.characterEscape(false)
	return p.char(r), err
}

// classEscape reads \d, \w, \s, their opposites and \p{…}; p.i is behind the backslash.
func (p *parser) classEscape() (set, bool, error) {
	var s set
	c := p.at(0)
	switch c {
	case 'd', 'D':
		s = digits()
	case 'w', 'W':
		s = words(p.flags)
	case 's', 'S':
		s = spaces()
	case 'p', 'P':
		if !p.unicode {
			return nil, false, nil
		}
		start := p.i
		p.i++
		s, err := p.property()
		if err != nil {
			return nil, false, err
		}
		text := string(p.in[start:p.i])
		if known, ok := p.properties[text]; ok {
			return known, true, nil
		}
		if c == 'P' {
			s = s.complement()
		}
		s = s.fold(p.flags)
		p.properties[text] = s
		return s, true, nil
	default:
		return nil, false, nil
	}
	p.i++
	if unicode.IsUpper(c) {
		s = s.complement()
	}
	return s, true, nil
}

// property reads {Name} or {Name=Value}, as far as package unicode has tables for it.
func (p *parser) property() (set, error) {
	if !p.take("{") {
		return nil, p.errorf("invalid property name")
	}
	start := p.i
	for p.more() && p.at(0) != '}' {
		p.i++
	}
	text := string(p.in[start:p.i])
	if !p.take("}") {
		return nil, p.errorf("invalid property name")
	}
	name, value, pair := strings.Cut(text, "=")
	switch {
	case pair && (name == "Script" || name == "sc"):
		if t := unicode.Scripts[value]; t != nil {
			return fromTables(t), nil
		}
	case pair && (name == "General_Category" || name == "gc"), !pair && isCategory(name):
		if !pair {
			value = name
		}
		if long, ok := unicode.CategoryAliases[value]; ok {
			value = long
		}
		if t := unicode.Categories[value]; t != nil {
			return fromTables(t), nil
		}
	case !pair:
		if s, ok := binaryProperty(name); ok {
			return s, nil
		}
	}
	return nil, p.errorf("unknown or unsupported property")
}

func isCategory(name string) bool {
	return unicode.Categories[name] != nil || unicode.CategoryAliases[name] != ""
}

func binaryProperty(name string) (set, bool) {
	switch name {
	case "Any":
		return set{}.complement(), true
	case "ASCII":
		return setOf(0, 0x7f), true
	case "Alphabetic", "Alpha":
		return fromTables(unicode.L, unicode.Nl, unicode.Other_Alphabetic), true
	case "Lowercase", "Lower":
		return fromTables(unicode.Ll, unicode.Other_Lowercase), true
	case "Uppercase", "Upper":
		return fromTables(unicode.Lu, unicode.Other_Uppercase), true
	case "White_Space", "space":
		return fromTables(unicode.White_Space), true
	}
	return nil, false
}

const syntaxCharacters = `^$\.*+?()[]{}|/`

// characterEscape reads an escape that stands for one character; p.i is behind the backslash.
func (p *parser) characterEscape(inClass bool) (rune, error) {
	if !p.more() {
		return 0, p.errorf(`\ at the end`)
	}
	c := p.at(0)
	p.i++
	switch {
	case c == 'f':
		return '\f', nil
	case c == 'n':
		return '\n', nil
	case c == 'r':
		return '\r', nil
	case c == 't':
		return '\t', nil
	case c == 'v':
		return '\v', nil
	case c == 'b' && inClass:
		return '\b', nil
	case c == 'c':
		return p.control(inClass)
	case c == 'x':
		if r, ok := p.hex(2); ok {
			return r, nil
		}
	case c == 'u':
		if r, ok := p.unicodeEscape(); ok {
			return r, nil
		}
	case c == '0' && (p.unicode || p.at(0) < '0' || p.at(0) > '7'):
		if !p.unicode || p.at(0) < '0' || p.at(0) > '9' {
			return 0, nil
		}
	case c >= '0' && c <= '7' && !p.unicode:
		return p.octal(c), nil
	case p.unicode:
		if c < 0x80 && strings.ContainsRune(syntaxCharacters, c) || c == '-' && inClass {
			return c, nil
		}
	case c == 'k' && len(p.names) > 0:
		return 0, p.errorf("invalid escape")
	default:
		return c, nil
	}
	if p.unicode {
		return 0, p.errorf("invalid escape")
	}
	return c, nil
}

// control reads what follows \c. Without a letter the backslash stands for itself, and c comes next.
func (p *parser) control(inClass bool) (rune, error) {
	c := p.at(0)
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	if letter || inClass && !p.unicode && (c >= '0' && c <= '9' || c == '_') {
		p.i++
		return c % 32, nil
	}
	if p.unicode {
		return 0, p.errorf("invalid escape")
	}
	p.i--
	return '\\', nil
}

func (p *parser) octal(first rune) rune {
	n := first - '0'
	for range 2 {
		if d := p.at(0); d >= '0' && d <= '7' && n*8+d-'0' <= 0o377 {
			n = n*8 + d - '0'
			p.i++
		}
	}
	return n
}

// hex reads exactly n digits, or nothing.
func (p *parser) hex(n int) (rune, bool) {
	var r rune
	for i := range n {
		d := hexDigit(p.at(i))
		if d < 0 {
			return 0, false
		}
		r = r*16 + d
	}
	p.i += n
	return r, true
}

func hexDigit(c rune) rune {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}

// unicodeEscape reads what follows \u: four digits, with the flag u also a pair of surrogates or {digits}.
func (p *parser) unicodeEscape() (rune, bool) {
	start := p.i
	if !p.unicode {
		return p.hex(4)
	}
	if p.take("{") {
		var r rune
		for ; hexDigit(p.at(0)) >= 0; p.i++ {
			if r = r*16 + hexDigit(p.at(0)); r > unicode.MaxRune {
				return 0, false
			}
		}
		return r, p.i > start+1 && p.take("}")
	}
	r, ok := p.hex(4)
	if !ok || r < 0xd800 || r > 0xdbff {
		return r, ok
	}
	mark := p.i
	if p.take(`\u`) {
		if low, ok := p.hex(4); ok && low >= 0xdc00 && low <= 0xdfff {
			return (r-0xd800)<<10 + low - 0xdc00 + 0x10000, true
		}
	}
	p.i = mark
	return r, true
}
