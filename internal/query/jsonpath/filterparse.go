package jsonpath

import (
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// maxFilterDepth bounds parentheses and negations.
const maxFilterDepth = 50

// A filterParser reads the part of JavaScript that filters mostly are: @ with members, literals, comparisons, !, &&
// and ||. Whatever else there is goes to the reference, mistakes too, which it finds when a filter is first applied.
type filterParser struct {
	src   string
	i     int
	depth int
}

func parseFilter(src string) (*filter, error) {
	p := &filterParser{src: src}
	e, ok := p.or()
	p.space()
	if !ok || p.i < len(src) {
		return nil, unsupported("filter expression (" + src + ")")
	}
	return &filter{e}, nil
}

func (p *filterParser) space() {
	for p.i < len(p.src) && (p.src[p.i] == ' ' || p.src[p.i] == '\t') {
		p.i++
	}
}

// operator takes the first of ops that comes next. Longer ones stand before their prefixes.
func (p *filterParser) operator(ops ...string) (string, bool) {
	p.space()
	for _, op := range ops {
		if strings.HasPrefix(p.src[p.i:], op) {
			p.i += len(op)
			return op, true
		}
	}
	return "", false
}

func (p *filterParser) chain(operand func() (expr, bool), ops ...string) (expr, bool) {
	left, ok := operand()
	for ok {
		op, more := p.operator(ops...)
		if !more {
			break
		}
		var right expr
		right, ok = operand()
		ok = ok && (op[0] == '|' || op[0] == '&' || distinct(left, right))
		left = binary{op, left, right}
	}
	return left, ok
}

// distinct reports whether two operands cannot be one and the same list: two lists in different places are unequal in
// JavaScript, and Go cannot tell empty ones apart.
func distinct(a, b expr) bool {
	x, xok := a.(current)
	y, yok := b.(current)
	if xok && yok {
		return !slices.Equal(x.path, y.path)
	}
	return scalar(a) || scalar(b)
}

// scalar reports whether e never is a list.
func scalar(e expr) bool {
	switch e := e.(type) {
	case current:
		return false
	case binary:
		return e.op[0] != '|' && e.op[0] != '&' || scalar(e.left) && scalar(e.right)
	}
	return true
}

func (p *filterParser) or() (expr, bool)  { return p.chain(p.and, "||") }
func (p *filterParser) and() (expr, bool) { return p.chain(p.equality, "&&") }
func (p *filterParser) equality() (expr, bool) {
	return p.chain(p.relation, "===", "!==", "==", "!=")
}
func (p *filterParser) relation() (expr, bool) {
	left, ok := p.unary()
	for ok {
		// Shifts begin like comparisons.
		p.space()
		if rest := p.src[p.i:]; strings.HasPrefix(rest, "<<") || strings.HasPrefix(rest, ">>") {
			return nil, false
		}
		op, more := p.operator("<=", ">=", "<", ">")
		if !more {
			break
		}
		// <!-- begins a comment.
		if op == "<" && strings.HasPrefix(p.src[p.i:], "!--") {
			return nil, false
		}
		var right expr
		right, ok = p.unary()
		left = binary{op, left, right}
	}
	return left, ok
}

func (p *filterParser) unary() (expr, bool) {
	p.space()
	if p.i == len(p.src) {
		return nil, false
	}
	if p.depth++; p.depth > maxFilterDepth {
		return nil, false
	}
	defer func() { p.depth-- }()
	switch c := p.src[p.i]; {
	case c == '!':
		p.i++
		e, ok := p.unary()
		return not{e}, ok
	case c == '(':
		p.i++
		e, ok := p.or()
		if _, closed := p.operator(")"); !closed {
			return nil, false
		}
		return e, ok
	case c == '@':
		p.i++
		return p.current()
	case c == '"' || c == '\'':
		s, ok := p.quoted()
		return literal{s}, ok
	case c == '-' || isDigit(c):
		return p.number()
	case isNameStart(c):
		n := scanName(p.src[p.i:])
		name := p.src[p.i : p.i+n]
		p.i += n
		switch name {
		case "true", "false":
			return literal{name == "true"}, p.wordEnds()
		case "null":
			return literal{nil}, p.wordEnds()
		}
	}
	return nil, false
}

// wordEnds reports whether no character follows that JavaScript would count to the word before, or give another
// meaning.
func (p *filterParser) wordEnds() bool {
	return p.i == len(p.src) || strings.IndexByte(" \t=!<>&|)", p.src[p.i]) >= 0
}

func (p *filterParser) current() (expr, bool) {
	var e current
	for p.i < len(p.src) {
		switch p.src[p.i] {
		case '.':
			p.i++
			n := 0
			if p.i < len(p.src) && isNameStart(p.src[p.i]) {
				n = scanName(p.src[p.i:])
			}
			if n == 0 {
				return nil, false
			}
			e.path = append(e.path, memberStep(p.src[p.i:p.i+n]))
			p.i += n
		case '[':
			p.i++
			name, ok := p.bracket()
			if !ok {
				return nil, false
			}
			e.path = append(e.path, memberStep(name))
		default:
			return e, p.wordEnds()
		}
	}
	return e, true
}

func (p *filterParser) bracket() (string, bool) {
	if p.i == len(p.src) {
		return "", false
	}
	var name string
	var ok bool
	if c := p.src[p.i]; c == '"' || c == '\'' {
		name, ok = p.quoted()
	} else {
		n := scanInt(p.src[p.i:])
		name = p.src[p.i : p.i+n]
		p.i += n
		ok = n > 0 && n < 10 && c != '-'
	}
	if !ok || p.i == len(p.src) || p.src[p.i] != ']' {
		return "", false
	}
	p.i++
	return name, true
}

// quoted reads a string without escapes.
func (p *filterParser) quoted() (string, bool) {
	rest := p.src[p.i+1:]
	n := strings.IndexByte(rest, p.src[p.i])
	if n < 0 || strings.ContainsAny(rest[:n], "\\\n\r\u2028\u2029") {
		return "", false
	}
	p.i += n + 2
	return rest[:n], true
}

func (p *filterParser) number() (expr, bool) {
	start := p.i
	n := scanInt(p.src[p.i:])
	if n == 0 {
		return nil, false
	}
	p.i += n
	if p.i+1 < len(p.src) && p.src[p.i] == '.' && isDigit(p.src[p.i+1]) {
		p.i++
		for p.i < len(p.src) && isDigit(p.src[p.i]) {
			p.i++
		}
	}
	v, err := query.Parse([]byte(p.src[start:p.i]), true)
	return literal{v}, err == nil && p.wordEnds()
}
