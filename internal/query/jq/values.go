package jq

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/easgate/easgate/internal/query"
)

// Functions that gojq has otherwise than jq 1.6. They take values, so they may stand where a path is expected as well
// as those in whose place they are.
const (
	fromJSONName = "_easgate_fromjson"
	toNumberName = "_easgate_tonumber"
	trimLeftName = "_easgate_ltrimstr"
	trimEndName  = "_easgate_rtrimstr"
	reverseName  = "_easgate_reverse"
)

// valueFuncs are these functions, bounded by limit bytes.
func valueFuncs(limit int) []gojq.CompilerOption {
	trim := func(f func(s, affix string) string) func(any, []any) any {
		return func(v any, args []any) any {
			s, ok := v.(string)
			affix, both := args[0].(string)
			if !ok || !both { // gojq has an error, as jq 1.8
				return v
			}
			return f(s, affix)
		}
	}
	return []gojq.CompilerOption{
		gojq.WithFunction(trimLeftName, 1, 1, trim(strings.TrimPrefix)),
		gojq.WithFunction(trimEndName, 1, 1, trim(strings.TrimSuffix)),
		gojq.WithFunction(reverseName, 0, 0, reversed),
		withOrder(fromJSONName, func(r *restorer, v any) any { return r.fromJSON(v, limit) }),
		withOrder(toNumberName, (*restorer).toNumber),
	}
}

// fromJSON parses a text, and remembers the order of its keys.
func (r *restorer) fromJSON(v any, limit int) any {
	text, ok := v.(string)
	switch {
	case !ok:
		return faultf("%s cannot be parsed as JSON", gojq.TypeOf(v))
	case len(text) > limit:
		return errGuard
	}
	parsed, err := query.Parse([]byte(text), r.exact)
	if err != nil {
		if n, ok := r.number(text); ok {
			return n
		}
		return fault("string cannot be parsed as JSON")
	}
	out := query.ToGo(parsed)
	r.start()
	r.remember(parsed, out)
	r.parsed = append(r.parsed, out)
	return out
}

func (r *restorer) toNumber(v any) any {
	switch v := v.(type) {
	case int, float64, *big.Int:
		return v
	case string:
		if n, ok := r.number(v); ok {
			return n
		}
	}
	return faultf("%s cannot be parsed as a number", gojq.TypeOf(v))
}

// number reads what jq 1.6 takes for a number: more than JSON does, such as 007 and .5.
func (r *restorer) number(text string) (any, bool) {
	text = strings.Trim(text, " \t\r\n")
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return nil, false
	}
	f := query.StringToNumber(text)
	if digits := strings.TrimLeft(text, "+-0"); r.exact && strings.Trim(digits, "0123456789") == "" &&
		math.Abs(f) < math.MaxFloat64 {
		n, ok := new(big.Int).SetString(text, 10)
		return n, ok
	}
	return f, !math.IsNaN(f)
}

// reversed is reverse, which takes anything of length 0.
func reversed(v any, _ []any) any {
	switch v := v.(type) {
	case nil:
		return []any{}
	case []any:
		out := slices.Clone(v)
		slices.Reverse(out)
		return out
	case string:
		if v == "" {
			return []any{}
		}
	case map[string]any:
		if len(v) == 0 {
			return []any{}
		}
	}
	return faultf("Cannot index %s with number", gojq.TypeOf(v))
}
