package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// errUnsupported marks what is valid but not evaluated here.
var errUnsupported = errors.New("needs the reference implementation")

func unsupported(what string) error { return fmt.Errorf("jsonpath: %s: %w", what, errUnsupported) }

type parser struct {
	toks []token
	i    int
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func (p *parser) syntax(t token) error {
	if t.kind == tokEnd {
		return errors.New("jsonpath: unexpected end of expression")
	}
	return fmt.Errorf("jsonpath: unexpected token at offset %d", t.pos)
}

// parse returns the steps of expr. An error that is not errUnsupported says that the reference refuses expr, too:
// it does not parse, or it always throws.
func parse(expr string) ([]step, error) {
	toks, err := lex(expr)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	var steps []step
	first := p.next()
	switch first.kind {
	case tokDollar:
	case tokStar, tokName, tokInt:
		if p.peek().kind != tokEnd {
			// Followed by anything, the reference takes whatever leads for a name.
			steps = append(steps, memberStep(first.text))
			break
		}
		s, err := memberExpr(first)
		if err != nil {
			return nil, err
		}
		return []step{s}, nil
	default:
		return nil, p.syntax(first)
	}
	// A construct that is not evaluated here must not hide a mistake behind it, which both sides refuse.
	var later error
	for p.peek().kind != tokEnd {
		s, err := p.component()
		if err != nil {
			if !errors.Is(err, errUnsupported) {
				return nil, err
			}
			later = err
		}
		steps = append(steps, s)
	}
	return steps, later
}

func (p *parser) component() (step, error) {
	t := p.next()
	switch t.kind {
	case tokDot:
		return p.member()
	case tokOpen:
		return p.subscript(false)
	case tokDotDot:
		if p.peek().kind == tokOpen {
			p.next()
			return p.subscript(true)
		}
		s, err := p.member()
		if err != nil {
			return nil, err
		}
		return descend(s)
	}
	return nil, p.syntax(t)
}

func (p *parser) member() (step, error) {
	t := p.next()
	switch t.kind {
	case tokStar, tokName, tokInt:
		return memberExpr(t)
	}
	return nil, p.syntax(t)
}

func memberExpr(t token) (step, error) {
	switch t.kind {
	case tokStar:
		return wildcard{}, nil
	case tokInt:
		return keyNumber(parseInt(t.text)), nil
	}
	return memberStep(t.text), nil
}

// subscript parses what follows an opening bracket.
func (p *parser) subscript(deep bool) (step, error) {
	t := p.next()
	var s step
	var err error
	switch t.kind {
	case tokStar:
		s = wildcard{}
	case tokScript:
		s, err = parseScript(t.text[1 : len(t.text)-1])
	case tokFilter:
		s, err = parseFilter(t.text[2 : len(t.text)-1])
	default:
		s, err = p.list(t)
	}
	if err != nil && !errors.Is(err, errUnsupported) {
		return nil, err
	}
	if end := p.next(); end.kind != tokClose {
		return nil, p.syntax(end)
	}
	if deep && (t.kind == tokScript || t.kind == tokSlice && !isUnion(s)) {
		return nil, fmt.Errorf("jsonpath: no descent into this subscript at offset %d", t.pos)
	}
	if err != nil || !deep {
		return s, err
	}
	return descend(s)
}

func isUnion(s step) bool { _, ok := s.(union); return ok }

func (p *parser) list(t token) (step, error) {
	var u union
	var unsup error
	for {
		var s step
		switch t.kind {
		case tokInt:
			s = index(parseInt(t.text))
		case tokString:
			s = memberStep(t.text)
		case tokSlice:
			sl, err := parseSlice(t.text)
			if err != nil {
				unsup = err
			}
			s = sl
		default:
			return nil, p.syntax(t)
		}
		u = append(u, s)
		if p.peek().kind != tokComma {
			break
		}
		p.next()
		t = p.next()
	}
	if len(u) == 1 {
		return u[0], unsup
	}
	return u, unsup
}

// parseInt is JavaScript's; digits beyond 2⁵³ are rounded as there.
func parseInt(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func parseSlice(s string) (slice, error) {
	sl := slice{step: 1}
	for i, part := range strings.Split(s, ":") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		// Beyond this the reference's arithmetic on strings has surprises.
		if err != nil || n > 1e9 || n < -1e9 {
			return slice{}, unsupported("slice bound " + part)
		}
		switch i {
		case 0:
			sl.start, sl.hasStart = n, true
		case 1:
			sl.end, sl.hasEnd = n, true
		case 2:
			sl.step = n
		}
	}
	return sl, nil
}

// descend makes the step that looks at all depths for what s looks for among the children. Where the reference compares
// keys it does so with ==, by which index 0 is "0", "00" and "".
func descend(s step) (step, error) {
	switch s := s.(type) {
	case member:
		number := query.StringToNumber(s.name)
		return deep(func(name string, index int, _ query.Value) (bool, error) {
			return index >= 0 && float64(index) == number || index < 0 && name == s.name, nil
		}), nil
	case keyNumber:
		return deep(func(name string, index int, _ query.Value) (bool, error) {
			return index >= 0 && float64(index) == float64(s) || index < 0 && query.StringToNumber(name) == float64(s), nil
		}), nil
	case index:
		return deep(func(_ string, index int, _ query.Value) (bool, error) {
			return index >= 0 && float64(index) == float64(s), nil
		}), nil
	case wildcard:
		return deep(func(string, int, query.Value) (bool, error) { return true, nil }), nil
	case *filter:
		return deep(func(_ string, _ int, child query.Value) (bool, error) { return s.passes(child) }), nil
	}
	return nil, unsupported("descent into a union")
}

// parseScript knows the one script that is written often, `@.length-N`.
func parseScript(src string) (step, error) {
	rest, ok := strings.CutPrefix(strings.Trim(src, " "), "@.length")
	if ok {
		rest, ok = strings.CutPrefix(strings.Trim(rest, " "), "-")
	}
	rest = strings.Trim(rest, " ")
	if !ok || rest == "" || len(rest) > 9 || scanInt(rest) != len(rest) || rest[0] == '-' {
		return nil, unsupported("script expression (" + src + ")")
	}
	n, _ := strconv.Atoi(rest)
	return fromEnd(n), nil
}

func memberStep(name string) member {
	if i, ok := query.ArrayIndex(name); ok {
		return member{name: name, arrayIndex: i}
	}
	return member{name: name, arrayIndex: -1}
}
