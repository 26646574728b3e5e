package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting of what is parsed, so that nothing that walks a value can exhaust the stack.
const maxDepth = 256

var errDepth = errors.New("json: nested too deeply")

// ParseJSON reads one JSON text as a Value, as JSON.parse does: order kept, the last of duplicate keys wins.
// Nesting beyond 256 and numbers beyond float64 are errors; what is not UTF-8 in a string becomes U+FFFD.
func ParseJSON(text []byte) (Value, error) { return Parse(text, false) }

// Parse is ParseJSON. With exact, as native tokens have it, integers that float64 would round become an [Integer].
func Parse(text []byte, exact bool) (Value, error) {
	p := jsonParser{text: text, exact: exact}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.i < len(text) {
		return nil, p.syntax()
	}
	return v, nil
}

type jsonParser struct {
	text  []byte
	i     int
	exact bool
}

func (p *jsonParser) syntax() error {
	if p.i >= len(p.text) {
		return errors.New("json: unexpected end")
	}
	return fmt.Errorf("json: unexpected character at offset %d", p.i)
}

func (p *jsonParser) space() {
	for p.i < len(p.text) {
		switch p.text[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// peek returns the next byte that is not white space, 0 at the end.
func (p *jsonParser) peek() byte {
	p.space()
	if p.i == len(p.text) {
		return 0
	}
	return p.text[p.i]
}

func (p *jsonParser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.i++
	return true
}

func (p *jsonParser) value(depth int) (Value, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("null"):
		return nil, nil
	}
	return nil, p.syntax()
}

func (p *jsonParser) word(w string) bool {
	if len(p.text)-p.i < len(w) || string(p.text[p.i:p.i+len(w)]) != w {
		return false
	}
	p.i += len(w)
	return true
}

func (p *jsonParser) object(depth int) (Value, error) {
	p.i++
	if p.take('}') {
		return &Object{}, nil
	}
	var keys []string
	var vals []Value
	for {
		if p.peek() != '"' {
			return nil, p.syntax()
		}
		k, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, p.syntax()
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		keys, vals = append(keys, k), append(vals, v)
		if p.take('}') {
			return ObjectOf(keys, vals), nil
		}
		if !p.take(',') {
			return nil, p.syntax()
		}
	}
}

func (p *jsonParser) array(depth int) (Value, error) {
	p.i++
	a := []any{}
	if p.take(']') {
		return a, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
		if p.take(']') {
			return a, nil
		}
		if !p.take(',') {
			return nil, p.syntax()
		}
	}
}

func (p *jsonParser) string() (string, error) {
	start := p.i
	plain := true
	for p.i++; p.i < len(p.text); p.i++ {
		switch c := p.text[p.i]; {
		case c == '"':
			p.i++
			if plain {
				return string(p.text[start+1 : p.i-1]), nil
			}
			var s string
			err := json.Unmarshal(p.text[start:p.i], &s)
			return s, err
		case c == '\\':
			plain = false
			p.i++
		case c < ' ' || c >= 0x80:
			plain = false
		}
	}
	p.i = len(p.text)
	return "", p.syntax()
}

func (p *jsonParser) number() (Value, error) {
	start := p.i
	if p.i < len(p.text) && p.text[p.i] == '-' {
		p.i++
	}
	whole := p.i
	ok := p.digits() && (p.text[whole] != '0' || p.i == whole+1)
	if ok && p.i < len(p.text) && p.text[p.i] == '.' {
		p.i++
		ok = p.digits()
	}
	if ok && p.i < len(p.text) && p.text[p.i]|0x20 == 'e' {
		p.i++
		if p.i < len(p.text) && (p.text[p.i] == '+' || p.text[p.i] == '-') {
			p.i++
		}
		ok = p.digits()
	}
	if !ok {
		return nil, p.syntax()
	}
	v, err := number(string(p.text[start:p.i]), p.exact)
	if err != nil {
		return nil, fmt.Errorf("json: number out of range at offset %d", start)
	}
	return v, nil
}

// number reads a number of JSON.
func number(text string, exact bool) (Value, error) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return nil, err
	case exact && math.Abs(f) > maxSafe && strings.Trim(text, "-0123456789") == "":
		return Integer(text), nil
	}
	return f, nil
}

// digits reads digits, at least one.
func (p *jsonParser) digits() bool {
	start := p.i
	for p.i < len(p.text) && '0' <= p.text[p.i] && p.text[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}
