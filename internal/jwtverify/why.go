package jwtverify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jws"
)

// What the log repeats of a value, and of a list: tokens that are refused are written by strangers.
const (
	maxShown  = 128
	maxListed = 5
)

// shown writes a claim for the log: quoted and cut, so that it can neither start a line of its own nor fill one.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > maxShown {
			return strconv.Quote(v[:maxShown]) + "…"
		}
		return strconv.Quote(v)
	case []any:
		texts := make([]string, 0, maxListed)
		for _, e := range v[:min(len(v), maxListed)] {
			if _, nested := e.([]any); nested {
				e = nil
			}
			texts = append(texts, shown(e))
		}
		return "[" + list(texts, len(v), ", ") + "]"
	case float64, bool:
		return fmt.Sprint(v)
	}
	return "something else"
}

// has says what a token has under name.
func has(name string, v any) string {
	if v == nil {
		return "no " + name
	}
	return name + " " + shown(v)
}

// wanted says which values a token should have had.
func wanted(values []string) string {
	texts := make([]string, 0, maxListed)
	for _, v := range values[:min(len(values), maxListed)] {
		texts = append(texts, shown(v))
	}
	return ", want " + list(texts, len(values), " or ")
}

// list joins texts, the first of n.
func list(texts []string, n int, sep string) string {
	if n > len(texts) {
		return strings.Join(texts, sep) + fmt.Sprintf(" … (%d)", n)
	}
	return strings.Join(texts, sep)
}

// span writes a time in seconds, which a token may have put anywhere.
func span(seconds float64) string {
	const day = 24 * 3600
	switch {
	case seconds >= 10_000*day:
		return "very long"
	case seconds >= 2*day:
		return fmt.Sprintf("%.0f days", seconds/day)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// parts says what a token that has not three parts may be.
func parts(token string) string {
	if len(token) > jws.MaxToken {
		return "longer than 64 KB"
	}
	switch n := strings.Count(token, ".") + 1; n {
	case 1:
		return "no dots: an opaque token, about which only its issuer's introspection endpoint could tell"
	case 5:
		return "five parts: an encrypted JWE, which only its audience can read"
	default:
		return fmt.Sprintf("%d parts, want 3", n)
	}
}

// from names the issuer that a token without a right signature claims to have: mostly it is another one's.
func from(c *jws.Compact) string {
	const enough = 16 << 10
	var claims struct {
		Issuer any `json:"iss"`
	}
	if len(c.Payload) > enough {
		return ""
	}
	if payload, err := c.DecodePayload(); err != nil || json.Unmarshal(payload, &claims) != nil || claims.Issuer == nil {
		return ""
	}
	return "; it claims " + has("iss", claims.Issuer)
}

// keyIDs names the keys that a kid could have meant.
func keyIDs(set *jwks.Set) string {
	all := set.All()
	ids := make([]string, 0, maxListed)
	for _, k := range all[:min(len(all), maxListed)] {
		ids = append(ids, shown(k.ID))
	}
	return ", known are " + list(ids, len(all), ", ")
}

// algorithm says which algorithm a token has, and which would have been right; k is nil before a key is known.
func (o *Options) algorithm(alg string, k *jwks.Key) string {
	accepted := o.Algorithms.List
	switch {
	case !o.Algorithms.Set && alg == "EdDSA":
		return has("alg", alg) + ", which counts only where algorithms names it"
	case k != nil && o.Algorithms.Set:
		accepted = slices.DeleteFunc(slices.Clone(accepted), func(a string) bool { return !k.Suits(a) })
	case k != nil:
		accepted = k.Algorithms()
	case !o.Algorithms.Set:
		accepted = algorithms
	}
	if len(accepted) == 0 {
		return has("alg", alg) + ", and none of the accepted algorithms suits the key"
	}
	return has("alg", alg) + wanted(accepted)
}
