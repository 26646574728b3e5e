package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value documents what queries see and return: nil (null), bool, float64, [Integer], string, []any, *Object or
// [Undefined]. Nothing else is ever put into data, and nothing else leaves an engine: what turns the values of a
// library into these knows each of its types and has an error for any other.
type Value = any

// errType says that v is of no type that Value allows.
func errType(v any) error { return fmt.Errorf("value of unexpected type %T", v) }

// Undefined is JavaScript's undefined: a value that is not there, as opposed to null.
type Undefined struct{}

// FromGo converts what encoding/json produces (map[string]any with keys in sorted order, json.Number, ints)
// into a Value. A value of another type is an error.
func FromGo(v any) (Value, error) {
	switch v := v.(type) {
	case nil, bool, float64, Integer, string, *Object, Undefined:
		return v, nil
	case []any:
		return mapped(v, FromGo)
	case []string:
		return mapped(v, func(s string) (Value, error) { return s, nil })
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		vals, err := mapped(keys, func(k string) (Value, error) { return FromGo(v[k]) })
		if err != nil {
			return nil, err
		}
		return ObjectOf(keys, vals), nil
	case int:
		return FromInt(big.NewInt(int64(v)))
	case int64:
		return FromInt(big.NewInt(v))
	case *big.Int:
		return FromInt(v)
	case json.Number:
		p := jsonParser{text: []byte(v), exact: true}
		if n, err := p.number(); err == nil && p.i == len(v) {
			return n, nil
		}
		return nil, errors.New("json: not a number")
	}
	return nil, errType(v)
}

// mapped returns f of each element.
func mapped[E any](list []E, f func(E) (Value, error)) (out []any, err error) {
	out = make([]any, len(list))
	for i := range list {
		if out[i], err = f(list[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ToGo converts a Value to what gojq uses: objects become map[string]any, an [Integer] becomes a *big.Int, undefined
// members vanish, undefined itself is nil.
func ToGo(v Value) any {
	switch v := v.(type) {
	case []any:
		a := make([]any, len(v))
		for i := range v {
			a[i] = ToGo(v[i])
		}
		return a
	case *Object:
		m := make(map[string]any, v.Len())
		for i, k := range v.keys {
			if _, no := v.vals[i].(Undefined); !no {
				m[k] = ToGo(v.vals[i])
			}
		}
		return m
	case Integer:
		return v.Big()
	case Undefined:
		return nil
	}
	return v
}

// JSON returns v as JSON.stringify would; undefined gives "". It is for tests and messages: what is no Value gives a
// text that says so and is not JSON, where [AppendJSON] has an error.
func JSON(v Value) string {
	b, err := AppendJSON(nil, v)
	if err != nil {
		return "!(" + err.Error() + ")"
	}
	return string(b)
}

// AppendJSON appends v as JSON.stringify writes it: no spaces, no HTML escapes, ECMAScript numbers, members
// that are undefined left out. An [Integer] is written with all its digits.
func AppendJSON(b []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(b, "null"...), nil
		}
		return append(b, Number(v)...), nil
	case Integer:
		return append(b, v...), nil
	case string:
		return appendString(b, v), nil
	case []any:
		return appendArray(b, v)
	case *Object:
		return v.appendJSON(b)
	case Undefined:
		return b, nil
	}
	return nil, errType(v)
}

func appendArray(b []byte, list []any) (_ []byte, err error) {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if _, no := e.(Undefined); no {
			e = nil
		}
		if b, err = AppendJSON(b, e); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func (o *Object) appendJSON(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	for i, k := range o.built().keys {
		if _, no := o.vals[i].(Undefined); no {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, k), ':')
		if b, err = AppendJSON(b, o.vals[i]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf || (c >= ' ' && c != '"' && c != '\\') {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// Number writes f as JavaScript's Number::toString does (ECMA-262 §6.1.6.1.20).
func Number(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	if abs := math.Abs(f); abs >= 1e21 || abs < 1e-6 {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		// Go writes e+21 and e-07; JavaScript e+21 and e-7.
		if i := strings.IndexByte(s, 'e'); i >= 0 && len(s) == i+4 && s[i+2] == '0' {
			s = s[:i+2] + s[i+3:]
		}
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
