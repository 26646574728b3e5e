package jq

import (
	"errors"
	"maps"
	"math"
	"math/big"
	"strings"

	"github.com/itchyny/gojq"
)

// Functions that rewritten queries call.
const (
	guardName = "_easgate_guard"
	timesName = "_easgate_times"
)

var errGuard = errors.New("value too large")

// guard returns a function that yields its input, or an error when it is larger than limit: gojq shares what
// values have in common, so [.,.] a few dozen times makes one that takes years to walk.
func guard(limit int) func(any, []any) any {
	return func(v any, _ []any) any {
		if size(v, limit) < 0 {
			return errGuard
		}
		return v
	}
}

// times is jq 1.6's multiplication within limit.
func times(limit int) func(any, []any) any {
	return func(_ any, args []any) any {
		l, r := args[0], args[1]
		if s, ok := r.(string); ok {
			l, r = s, l
		}
		if s, ok := l.(string); ok {
			n, ok := gojq.ToFloat64(r)
			switch {
			case !ok:
				return fault(cannot("multiply", "string", gojq.TypeOf(r)))
			case !(n > 0):
				return nil
			case float64(len(s))*math.Ceil(n) > float64(limit):
				return errGuard
			}
			return strings.Repeat(s, int(math.Ceil(n)))
		}
		if l, ok := l.(map[string]any); ok {
			if r, ok := r.(map[string]any); ok {
				return merge(l, r)
			}
		}
		a, aok := gojq.ToFloat64(l)
		b, bok := gojq.ToFloat64(r)
		if !aok || !bok {
			return fault(cannot("multiply", gojq.TypeOf(l), gojq.TypeOf(r)))
		}
		return a * b
	}
}

// merge is the product of two objects.
func merge(l, r map[string]any) map[string]any {
	m := maps.Clone(l)
	for k, v := range r {
		if a, ok := m[k].(map[string]any); ok {
			if b, ok := v.(map[string]any); ok {
				v = merge(a, b)
			}
		}
		m[k] = v
	}
	return m
}

// size returns what is left of budget bytes after v, or something negative when v is larger.
// A value costs at least 16 bytes, so that a walk has an end.
func size(v any, budget int) int {
	budget -= 16
	switch v := v.(type) {
	case string:
		budget -= len(v)
	case *big.Int:
		budget -= v.BitLen() / 8
	case []any:
		for _, e := range v {
			if budget = size(e, budget); budget < 0 {
				return budget
			}
		}
	case map[string]any:
		for k, e := range v {
			if budget = size(e, budget-len(k)); budget < 0 {
				return budget
			}
		}
	}
	return budget
}
