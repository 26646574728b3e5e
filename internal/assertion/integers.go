package assertion

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/easgate/easgate/internal/query"
)

// digits finds numbers of 16 digits and more that stand in an expression, not in a text or a name.
var digits = regexp.MustCompile(`(?:^|[^\w"'` + "`" + `.])(\d{16,})\b`)

// lintIntegers warns of numbers that JavaScript rounds.
func lintIntegers(expr string, value json.RawMessage, say func(text string)) {
	v, _ := query.Parse(value, true)
	found := integerIn(v)
	if m := digits.FindStringSubmatch(expr); found == "" && m != nil {
		n, _ := query.Parse([]byte(m[1]), true)
		found = integerIn(n)
	}
	if found != "" {
		say(fmt.Sprintf("%s is beyond 2^53: external-auth-server's format rounds it, so that it equals its neighbours; "+
			"native tokens "+
			"compare it exactly, as a rule's value", found))
	}
}

// integerIn returns an integer of v that float64 cannot hold, "" if there is none.
func integerIn(v query.Value) query.Integer {
	switch v := v.(type) {
	case query.Integer:
		return v
	case []any:
		for _, e := range v {
			if i := integerIn(e); i != "" {
				return i
			}
		}
	}
	return ""
}
