package jsonata

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxSource bounds an expression, in bytes.
	maxSource = 4 << 10
	// maxDepth bounds parentheses and calls in each other.
	maxDepth = 100
)

// A parser reads the part of JSONata that is evaluated here. It gives up, with ok false, on everything else and
// everything that is not JSONata at all: the reference implementation then says what it is.
type parser struct {
	text  string
	depth int
}

func parse(expr string) (n node, ok bool) {
	if len(expr) > maxSource || !utf8.ValidString(expr) {
		return nil, false
	}
	p := &parser{text: expr}
	n, ok = p.or()
	p.space()
	return n, ok && p.text == ""
}

const spaces = " \t\n\r\v"

func (p *parser) space() { p.text = strings.TrimLeft(p.text, spaces) }

// take takes symbol, if that is what comes next.
func (p *parser) take(symbol string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.text, symbol)
	if ok {
		p.text = rest
	}
	return ok
}

// word takes an operator that is a word.
func (p *parser) word(name string) bool {
	p.space()
	if rest, ok := strings.CutPrefix(p.text, name); ok && endsName(rest) {
		p.text = rest
		return true
	}
	return false
}

// endsName reports whether a name or number that comes before s is complete: what else is not an operator is part of it.
func endsName(s string) bool {
	return s == "" || strings.IndexByte(spaces+".[]{}(),@#;:?+-*/%|=<>^&!~", s[0]) >= 0
}

// or, and, comparison and concat are JSONata's operators from the weakest to the strongest; each associates to the left.
func (p *parser) or() (node, bool) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, false
	}
	n, ok := p.and()
	for ok && p.word("or") {
		var right node
		right, ok = p.and()
		n = logic{n, right, true}
	}
	return n, ok
}

func (p *parser) and() (node, bool) {
	n, ok := p.comparison()
	for ok && p.word("and") {
		var right node
		right, ok = p.comparison()
		n = logic{n, right, false}
	}
	return n, ok
}

func (p *parser) comparison() (node, bool) {
	n, ok := p.concat()
	for ok {
		negate := p.take("!=")
		if !negate && !p.take("=") {
			break
		}
		var right node
		right, ok = p.concat()
		n = equal{n, right, negate}
	}
	return n, ok
}

func (p *parser) concat() (node, bool) {
	n, ok := p.operand()
	for ok && p.take("&") {
		var right node
		right, ok = p.operand()
		n = concat{n, right}
	}
	return n, ok
}

func (p *parser) operand() (node, bool) {
	p.space()
	if p.text == "" {
		return nil, false
	}
	switch c := p.text[0]; {
	case c == '(':
		p.text = p.text[1:]
		n, ok := p.or()
		return n, ok && p.take(")") && p.alone()
	case c == '$':
		return p.call()
	case c == '"' || c == '\'':
		s, rest, ok := strings.Cut(p.text[1:], p.text[:1])
		p.text = rest
		return literal{s}, ok && strings.IndexByte(s, '\\') < 0 && p.alone()
	case '0' <= c && c <= '9':
		return p.number()
	}
	return p.path()
}

// alone reports whether no step or predicate follows, which would be for what came before it.
func (p *parser) alone() bool {
	p.space()
	return p.text == "" || strings.IndexByte(".[{(@#^", p.text[0]) < 0
}

// number takes a whole number.
func (p *parser) number() (node, bool) {
	n := 0
	for n < len(p.text) && '0' <= p.text[n] && p.text[n] <= '9' {
		n++
	}
	digits := p.text[:n]
	p.text = p.text[n:]
	if n > 15 || (digits[0] == '0' && n > 1) || !endsName(p.text) {
		return nil, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return literal{f}, err == nil && p.alone()
}

func (p *parser) call() (node, bool) {
	p.text = p.text[1:]
	name, ok := p.name()
	f, known := functions[name]
	if !ok || !known || !p.take("(") {
		return nil, false
	}
	c := call{function: f.function}
	for len(c.args) < f.args {
		if len(c.args) > 0 && !p.take(",") {
			return nil, false
		}
		arg, ok := p.or()
		if !ok {
			return nil, false
		}
		c.args = append(c.args, arg)
	}
	return c, p.take(")") && p.alone()
}

func (p *parser) path() (node, bool) {
	var steps path
	for {
		p.space()
		var name string
		ok := false
		if rest, quoted := strings.CutPrefix(p.text, "`"); quoted {
			name, p.text, ok = strings.Cut(rest, "`")
			ok = ok && name != ""
		} else {
			name, ok = p.name()
			switch name {
			case "and", "or", "in", "true", "false", "null", "function":
				// Names in some places, and words of the language in others.
				if len(steps) > 0 || !p.alone() {
					return nil, false
				}
				return constant(name)
			}
		}
		if !ok {
			return nil, false
		}
		steps = append(steps, name)
		if !p.take(".") {
			return steps, p.alone()
		}
	}
}

func constant(name string) (node, bool) {
	switch name {
	case "true":
		return literal{true}, true
	case "false":
		return literal{false}, true
	case "null":
		return literal{nil}, true
	}
	return nil, false
}

// name takes a name of ASCII letters, digits and underscores.
func (p *parser) name() (string, bool) {
	n := 0
	for n < len(p.text) {
		c := p.text[n]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	name := p.text[:n]
	p.text = p.text[n:]
	return name, n > 0 && endsName(p.text)
}
