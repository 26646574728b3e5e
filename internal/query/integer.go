package query

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"strings"
)

// An Integer is an integer beyond ±(2⁵³−1), which float64 would round: its decimal digits, after a minus sign if it is
// negative, without leading zeros, as JSON has them. Only native tokens see any; those in external-auth-server's format
// see what JavaScript makes of such a number, a float64.
type Integer string

// maxSafe is JavaScript's Number.MAX_SAFE_INTEGER.
const maxSafe = 1<<53 - 1

var errRange = errors.New("json: number out of range")

// FromInt returns n as an Integer, or as a float64 where that is exact. A number beyond float64 is an error.
func FromInt(n *big.Int) (Value, error) {
	if n.IsInt64() {
		if i := n.Int64(); -maxSafe <= i && i <= maxSafe {
			return float64(i), nil
		}
	}
	if f, _ := n.Float64(); math.IsInf(f, 0) {
		return nil, errRange
	}
	return Integer(n.String()), nil
}

// Big returns i as a number.
func (i Integer) Big() *big.Int {
	n, _ := new(big.Int).SetString(string(i), 10)
	return n
}

// Float returns the float64 next to i, as JavaScript reads its digits.
func (i Integer) Float() float64 { return StringToNumber(string(i)) }

// equals reports whether i is exactly f.
func (i Integer) equals(f float64) bool {
	if f != i.Float() { // most are told apart by this
		return false
	}
	n, accuracy := big.NewFloat(f).Int(nil)
	return accuracy == big.Exact && n.String() == string(i)
}

// Compare compares two numbers, or what [ToNumber] makes of other values, as [cmp.Compare] does; ok is false where one
// is NaN, which is neither less nor greater. An [Integer] is compared exactly.
func Compare(a, b Value) (c int, ok bool, err error) {
	x, err := ToNumber(a)
	if err != nil {
		return 0, false, err
	}
	y, err := ToNumber(b)
	if err != nil || math.IsNaN(x) || math.IsNaN(y) {
		return 0, false, err
	}
	_, xi := a.(Integer)
	_, yi := b.(Integer)
	if x != y || !xi && !yi {
		return cmp.Compare(x, y), true, nil
	}
	return exact(a, x).Cmp(exact(b, y)), true, nil
}

// exact is v, or else f, which was made of it.
func exact(v Value, f float64) *big.Float {
	if i, ok := v.(Integer); ok {
		return new(big.Float).SetInt(i.Big())
	}
	return big.NewFloat(f)
}

// says reports whether the text s is the number i. What is not written in digits alone is rounded.
func (i Integer) says(s string) bool {
	s = strings.TrimFunc(s, IsSpace)
	digits := strings.TrimPrefix(s, "+")
	negative := digits == s && strings.HasPrefix(s, "-")
	if negative {
		digits = s[1:]
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return i.equals(StringToNumber(s))
	}
	digits = strings.TrimLeft(digits, "0")
	if negative {
		digits = "-" + digits
	}
	return digits == string(i)
}
