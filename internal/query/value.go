package query

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value documents what queries see and return: nil (null), bool, float64, string, []any, *Object or [Undefined].
// Nothing else is ever put into data.
type Value = any

// Undefined is JavaScript's undefined: a value that is not there, as opposed to null.
type Undefined struct{}

// FromGo converts what encoding/json produces (map[string]any with keys in sorted order, json.Number, ints)
// into a Value. Values of other types become Undefined.
func FromGo(v any) Value {
	switch v := v.(type) {
	case nil, bool, float64, string, *Object, Undefined:
		return v
	case []any:
		a := make([]any, len(v))
		for i := range v {
			a[i] = FromGo(v[i])
		}
		return a
	case []string:
		a := make([]any, len(v))
		for i := range v {
			a[i] = v[i]
		}
		return a
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		vals := make([]Value, len(keys))
		for i, k := range keys {
			vals[i] = FromGo(v[k])
		}
		return ObjectOf(keys, vals)
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case json.Number:
		f, _ := v.Float64()
		return f
	}
	return Undefined{}
}

// ToGo converts a Value to what encoding/json and gojq use: objects become map[string]any, undefined members
// vanish, undefined itself is nil.
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
	case Undefined:
		return nil
	}
	return v
}

// JSON returns v as JSON.stringify would; undefined gives "".
func JSON(v Value) string { return string(AppendJSON(nil, v)) }

// AppendJSON appends v as JSON.stringify writes it: no spaces, no HTML escapes, ECMAScript numbers, members
// that are undefined left out.
func AppendJSON(b []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(b, "null"...)
		}
		return append(b, Number(v)...)
	case string:
		return appendString(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if _, no := e.(Undefined); no {
				e = nil
			}
			b = AppendJSON(b, e)
		}
		return append(b, ']')
	case *Object:
		b = append(b, '{')
		first := true
		for i, k := range v.built().keys {
			if _, no := v.vals[i].(Undefined); no {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendString(b, k)
			b = append(b, ':')
			b = AppendJSON(b, v.vals[i])
		}
		return append(b, '}')
	}
	return b
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

// String converts v as JavaScript's String() does: arrays joined by commas, objects "[object Object]".
func String(v Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return Number(v)
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			switch e.(type) {
			case nil, Undefined:
			default:
				parts[i] = String(e)
			}
		}
		return strings.Join(parts, ",")
	case *Object:
		return "[object Object]"
	}
	return "undefined"
}
