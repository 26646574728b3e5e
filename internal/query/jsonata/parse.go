package jsonata

import (
	"slices"
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
	n, ok = p.expression()
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

// endsName reports whether a name or number that comes before s is complete: what else is not an operator is part of
// it.
func endsName(s string) bool {
	return s == "" || strings.IndexByte(spaces+".[]{}(),@#;:?+-*/%|=<>^&!~", s[0]) >= 0
}

// An operator stands between two operands.
type operator struct {
	symbol string
	make   func(left, right node) node
}

// operators are JSONata's, from the weakest to the strongest; those of one strength associate to the left.
var operators = [][]operator{
	{{"or", func(l, r node) node { return logic{l, r, true} }}},
	{{"and", func(l, r node) node { return logic{l, r, false} }}},
	{
		{"!=", func(l, r node) node { return equal{l, r, true} }},
		{"=", func(l, r node) node { return equal{l, r, false} }},
	},
	{{"&", func(l, r node) node { return concat{l, r} }}},
}

// expression takes a whole one.
func (p *parser) expression() (node, bool) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, false
	}
	return p.binary(operators)
}

// binary takes operands with operators of those strengths between them.
func (p *parser) binary(strengths [][]operator) (node, bool) {
	if len(strengths) == 0 {
		return p.operand()
	}
	n, ok := p.binary(strengths[1:])
	for ok {
		i := slices.IndexFunc(strengths[0], func(o operator) bool { return p.operator(o.symbol) })
		if i < 0 {
			break
		}
		var right node
		right, ok = p.binary(strengths[1:])
		n = strengths[0][i].make(n, right)
	}
	return n, ok
}

// operator takes an operator; one that is a word has to end there.
func (p *parser) operator(symbol string) bool {
	before := p.text
	if p.take(symbol) && (symbol[0] < 'a' || endsName(p.text)) {
		return true
	}
	p.text = before
	return false
}

func (p *parser) operand() (node, bool) {
	p.space()
	if p.text == "" {
		return nil, false
	}
	switch c := p.text[0]; {
	case c == '(':
		p.text = p.text[1:]
		n, ok := p.expression()
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
		arg, ok := p.expression()
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
