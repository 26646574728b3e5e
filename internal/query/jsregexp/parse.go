package jsregexp

import (
	"errors"
	"fmt"
	"math"
	"unicode"
	"unicode/utf16"
)

// maxNesting bounds groups within groups.
const maxNesting = 200

// maxRepeat bounds what must be repeated; V8 refuses most patterns beyond it as too large. No text is that long, so
// that as an upper bound it is none.
const maxRepeat = 1 << 20

// A parser reads a pattern: code points with the flag u, code units without.
type parser struct {
	flags
	in    []rune
	i     int
	depth int
	// groups counts all capturing groups of the pattern, also those still to come; a decimal escape means a group or
	// an octal number by it.
	groups int
	// names are the numbers of named groups; any makes \k<name> a reference.
	names  map[string]int
	opened int
	// properties are the sets of \p{…} that were read before: they are large.
	properties map[string]set
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("regexp: "+format+" at offset %d", append(args, p.i)...)
}

func (p *parser) more() bool { return p.i < len(p.in) }

func (p *parser) at(offset int) rune {
	if p.i+offset < len(p.in) {
		return p.in[p.i+offset]
	}
	return -1
}

// take consumes text if it comes next.
func (p *parser) take(text string) bool {
	for i, r := range []rune(text) {
		if p.at(i) != r {
			return false
		}
	}
	p.i += len(text)
	return true
}

func parse(pattern string, f flags) (node, error) {
	p := &parser{flags: f, in: []rune(pattern), names: map[string]int{}, properties: map[string]set{}}
	if !f.unicode {
		p.in = codeUnits(pattern)
	}
	if err := p.countGroups(); err != nil {
		return nil, err
	}
	n, err := p.disjunction()
	if err == nil && p.more() {
		err = p.errorf("unmatched )")
	}
	if err != nil {
		return nil, err
	}
	return n, settleBackrefs(n)
}

func codeUnits(s string) []rune {
	units := utf16.Encode([]rune(s))
	out := make([]rune, len(units))
	for i, u := range units {
		out[i] = rune(u)
	}
	return out
}

func (p *parser) countGroups() error {
	defer func() { p.i = 0 }()
	inClass := false
	for ; p.more(); p.i++ {
		switch c := p.at(0); {
		case c == '\\':
			p.i++
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case c == '(' && !inClass && p.at(1) != '?':
			p.groups++
		case c == '(' && !inClass && p.at(2) == '<' && p.at(3) != '=' && p.at(3) != '!':
			p.groups++
			p.i += 3
			name, err := p.groupName()
			if err != nil {
				return err
			}
			if p.names[name] != 0 {
				return p.errorf("duplicate group name")
			}
			p.names[name] = p.groups
			p.i--
		}
	}
	return nil
}

// groupName reads a name and its closing >. Escapes in names are legal in JavaScript; nobody writes them.
func (p *parser) groupName() (string, error) {
	start := p.i
	for ; p.more(); p.i++ {
		c := p.at(0)
		if c == '>' && p.i > start {
			name := string(p.in[start:p.i])
			p.i++
			return name, nil
		}
		letter := c == '$' || c == '_' || unicode.IsLetter(c) || unicode.Is(unicode.Nl, c)
		if !letter && (p.i == start || !unicode.In(c, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc)) {
			break
		}
	}
	return "", p.errorf("invalid group name")
}

func (p *parser) disjunction() (node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.errorf("groups nested too deeply")
	}
	defer func() { p.depth-- }()
	var c choice
	for {
		s, err := p.alternative()
		if err != nil {
			return nil, err
		}
		c = append(c, s)
		if !p.take("|") {
			break
		}
	}
	if len(c) == 1 {
		return c[0], nil
	}
	return c, nil
}

func (p *parser) alternative() (node, error) {
	s := sequence{}
	for p.more() && p.at(0) != '|' && p.at(0) != ')' {
		n, quantifiable, err := p.term()
		if err != nil {
			return nil, err
		}
		q, ok, err := p.quantifier()
		switch {
		case err != nil:
			return nil, err
		case ok && !quantifiable:
			return nil, p.errorf("nothing to repeat")
		case ok:
			q.body = n
			n = q
		}
		s = append(s, n)
	}
	return s, nil
}

func (p *parser) term() (n node, quantifiable bool, err error) {
	switch {
	case p.take("^"):
		return anchor('^'), false, nil
	case p.take("$"):
		return anchor('$'), false, nil
	case p.take(`\b`):
		return anchor('b'), false, nil
	case p.take(`\B`):
		return anchor('B'), false, nil
	case p.take("(?="):
		n, err = p.look(false, false)
		return n, !p.unicode, err
	case p.take("(?!"):
		n, err = p.look(false, true)
		return n, !p.unicode, err
	case p.take("(?<="):
		n, err = p.look(true, false)
		return n, false, err
	case p.take("(?<!"):
		n, err = p.look(true, true)
		return n, false, err
	case p.at(0) == '(':
		n, err = p.group()
	case p.take("."):
		n = charSet{newlines().complement()}
		if p.dotAll {
			n = charSet{set{}.complement()}
		}
	case p.at(0) == '[':
		n, err = p.class()
	case p.at(0) == '\\':
		n, err = p.escape()
	default:
		n, err = p.literal()
	}
	return n, true, err
}

func (p *parser) literal() (node, error) {
	c := p.at(0)
	switch c {
	case '*', '+', '?':
		return nil, p.errorf("nothing to repeat")
	case '{':
		if _, ok, err := p.quantifier(); ok || err != nil || p.unicode {
			return nil, p.errorf("nothing to repeat")
		}
	case '}', ']':
		if p.unicode {
			return nil, p.errorf("lone %c", c)
		}
	}
	p.i++
	return p.char(c), nil
}

func (p *parser) char(c rune) node { return charSet{setOf(c, c).fold(p.flags)} }

func (p *parser) look(behind, negative bool) (node, error) {
	body, err := p.disjunction()
	if err == nil && !p.take(")") {
		err = p.errorf("missing )")
	}
	return &look{behind: behind, negative: negative, body: body}, err
}

func (p *parser) group() (node, error) {
	number := 0
	switch {
	case p.take("(?:"):
	case p.take("(?<"):
		if _, err := p.groupName(); err != nil {
			return nil, err
		}
		p.opened++
		number = p.opened
	case p.take("(?"):
		return nil, p.errorf("invalid group")
	default:
		p.i++
		p.opened++
		number = p.opened
	}
	body, err := p.disjunction()
	if err == nil && !p.take(")") {
		err = p.errorf("missing )")
	}
	if err != nil || number == 0 {
		return body, err
	}
	return &group{number: number, body: body}, nil
}

// quantifier reads a quantifier if one comes next. A brace that begins none is left alone; with the flag u it is an
// error.
func (p *parser) quantifier() (*repeat, bool, error) {
	q := &repeat{max: -1}
	switch {
	case p.take("*"):
	case p.take("+"):
		q.min = 1
	case p.take("?"):
		q.max = 1
	case p.at(0) == '{':
		start := p.i
		p.i++
		var ok bool
		if q.min, ok = p.decimal(); ok {
			q.max = q.min
			if p.take(",") {
				if q.max, ok = p.decimal(); !ok {
					q.max = -1
				}
			}
			ok = p.take("}")
		}
		if !ok {
			p.i = start
			if p.unicode {
				return nil, false, p.errorf("incomplete quantifier")
			}
			return nil, false, nil
		}
		if q.max >= 0 && q.max < q.min {
			return nil, false, p.errorf("numbers out of order in quantifier")
		}
		if q.min > maxRepeat {
			return nil, false, p.errorf("quantifier too large")
		}
		if q.max > maxRepeat {
			q.max = -1
		}
	default:
		return nil, false, nil
	}
	q.lazy = p.take("?")
	return q, true, nil
}

// decimal reads digits; what is beyond 2³¹−1 is as good as that.
func (p *parser) decimal() (int, bool) {
	n, start := 0, p.i
	for ; p.at(0) >= '0' && p.at(0) <= '9'; p.i++ {
		n = min(n*10+int(p.at(0)-'0'), math.MaxInt32)
	}
	return n, p.i > start
}

var errBackref = errors.New("regexp: backreference into a repeated group, or in a lookbehind, is not supported")
