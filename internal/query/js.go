package query

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Single is a Query that finds at most one value, and can give it without a list around it.
type Single interface {
	Query
	// EvalOne returns the value and true, or false when there is none.
	EvalOne(ctx context.Context, data Value) (v Value, ok bool, err error)
}

// ErrNoPrimitive says that JavaScript would throw a TypeError when it makes a string of a value: the value is
// an object with a member toString, which hides the method of that name.
var ErrNoPrimitive = errors.New("cannot convert object to primitive value")

// Truthy reports whether v counts as true in a condition.
func Truthy(v Value) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case Integer, []any, *Object:
		return true
	}
	return false
}

// ToString converts v as JavaScript's `"" + v` does: arrays joined by commas, objects "[object Object]". It is an error
// where JavaScript throws.
func ToString(v Value) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case Undefined:
		return "undefined", nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return Number(v), nil
	case Integer:
		return string(v), nil
	case string:
		return v, nil
	case *Object:
		if _, hidden := v.Get("toString"); hidden {
			return "", ErrNoPrimitive
		}
		return "[object Object]", nil
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			switch e.(type) {
			case nil, Undefined:
				continue
			}
			var err error
			if parts[i], err = ToString(e); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, ","), nil
	}
	return "", errType(v)
}

// ToNumber converts v as JavaScript's unary plus does. An [Integer] is rounded.
func ToNumber(v Value) (float64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case float64:
		return v, nil
	case Integer:
		return v.Float(), nil
	case string:
		return StringToNumber(v), nil
	case []any, *Object:
		s, err := ToString(v)
		return StringToNumber(s), err
	case Undefined:
		return math.NaN(), nil
	}
	return math.NaN(), errType(v)
}

// IsSpace reports whether r is JavaScript's white space or line terminator (ECMA-262 §12.2, §12.3).
func IsSpace(r rune) bool {
	return r >= '\t' && r <= '\r' || r == '\ufeff' || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Zs, r)
}

// StringToNumber converts s as JavaScript's Number(s) does (ECMA-262 §7.1.4.1.1); NaN when s is no number.
func StringToNumber(s string) float64 {
	s = strings.TrimFunc(s, IsSpace)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		switch base := s[1] | 0x20; base {
		case 'x', 'o', 'b':
			return radixToNumber(s[2:], map[byte]float64{'x': 16, 'o': 8, 'b': 2}[base])
		}
	}
	digits := strings.TrimLeft(s[:1], "+-") + s[1:]
	if digits == "Infinity" {
		if s[0] == '-' {
			return math.Inf(-1)
		}
		return math.Inf(1)
	}
	// strconv also takes nan, 0x1p2 and 1_000. Out of range is infinity or zero, as in JavaScript.
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return math.NaN()
	}
	return f
}

// radixToNumber reads hexadecimal, octal or binary digits. Beyond 2⁵³ the digits are summed, which can differ
// from JavaScript in the last bit.
func radixToNumber(s string, base float64) float64 {
	var f float64
	for i := range len(s) {
		d := strings.IndexByte(hexDigits, lowerByte(s[i]))
		if d < 0 || float64(d) >= base {
			return math.NaN()
		}
		f = f*base + float64(d)
	}
	return f
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// StrictEqual is JavaScript's ===. Objects and arrays are equal to themselves only; an [Integer] is compared exactly.
func StrictEqual(a, b Value) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
	case Integer:
		if f, ok := b.(float64); ok {
			return a.equals(f)
		}
		return a == b
	case float64:
		if i, ok := b.(Integer); ok {
			return i.equals(a)
		}
		return a == b
	default:
		if _, ok := b.([]any); ok {
			return false
		}
		return a == b
	}
}

// LooseEqual is JavaScript's == (ECMA-262 §7.2.14).
func LooseEqual(a, b Value) (bool, error) {
	ka, kb := kindOf(a), kindOf(b)
	switch {
	case ka == kindUnknown:
		return false, errType(a)
	case kb == kindUnknown:
		return false, errType(b)
	case ka == kb:
		return StrictEqual(a, b) || ka == kindNone, nil
	case ka == kindNone || kb == kindNone:
		return false, nil
	case ka == kindObject && kb != kindBool:
		s, err := ToString(a)
		if err != nil {
			return false, err
		}
		return LooseEqual(s, b)
	case kb == kindObject && ka != kindBool:
		return LooseEqual(b, a)
	case ka == kindString && kb == kindNumber:
		a, b = b, a
	}
	if i, ok := a.(Integer); ok {
		if s, ok := b.(string); ok {
			return i.says(s), nil
		}
	}
	x, err := ToNumber(a)
	if err != nil {
		return false, err
	}
	y, err := ToNumber(b)
	return x == y && err == nil, err
}

type kind int

const (
	kindUnknown kind = iota
	kindNone         // null and undefined, which == takes for one
	kindBool
	kindNumber
	kindString
	kindObject
)

func kindOf(v Value) kind {
	switch v.(type) {
	case bool:
		return kindBool
	case float64, Integer:
		return kindNumber
	case string:
		return kindString
	case []any, *Object:
		return kindObject
	case nil, Undefined:
		return kindNone
	}
	return kindUnknown
}

// ToLower is JavaScript's toLowerCase: Unicode's full mapping without locale. strings.ToLower would make "ADMİN" equal
// to "admin".
func ToLower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, r := range s {
		switch r {
		case 'İ':
			b.WriteString("i\u0307")
		case 'Σ':
			if finalSigma(s[:i], s[i+utf8.RuneLen(r):]) {
				b.WriteRune('ς')
			} else {
				b.WriteRune('σ')
			}
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// finalSigma is the condition Final_Sigma of Unicode's SpecialCasing: a cased letter before, none after, what is
// case-ignorable not counted.
func finalSigma(before, after string) bool {
	before = strings.TrimRightFunc(before, caseIgnorable)
	after = strings.TrimLeftFunc(after, caseIgnorable)
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	return cased(last) && !cased(next)
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:·\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r)
}
