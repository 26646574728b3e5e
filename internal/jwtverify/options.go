package jwtverify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/query/jsregexp"
)

// Options are jsonwebtoken's verify options: what a token must be like. The zero value asks for a signature that suits
// the key, and for exp and nbf if the token has them.
type Options struct {
	// Algorithms are the signature algorithms (RFC 7518 §3.1) to accept. By default those that suit the key, but not
	// EdDSA.
	Algorithms Algorithms `json:"algorithms,omitzero"`
	// Audience is a string or a list of which aud must contain one; {"regex": "/pattern/flags"} matches a pattern.
	Audience Audience `json:"audience,omitzero"`
	// Issuer is a string or a list of which iss must be one.
	Issuer Strings `json:"issuer,omitzero"`
	// Subject is what sub must be.
	Subject string `json:"subject,omitempty"`
	// JWTID is what jti must be.
	JWTID string `json:"jwtid,omitempty"`
	// Nonce is what nonce must be.
	Nonce *string `json:"nonce,omitempty"`
	// MaxAge is how old a token may be, counted from iat: a number of seconds, or text like "2 days", "10h", "20m".
	// A number alone in a text is milliseconds.
	MaxAge Age `json:"maxAge,omitzero"`
	// ClockTolerance is how many seconds clocks may differ.
	ClockTolerance float64 `json:"clockTolerance,omitempty"`
	// ClockTimestamp stops the clock at a number of seconds since 1970, for tests.
	ClockTimestamp float64 `json:"clockTimestamp,omitempty"`
	// IgnoreExpiration takes expired tokens.
	IgnoreExpiration bool `json:"ignoreExpiration,omitempty"`
	// IgnoreNotBefore takes tokens that are not valid yet.
	IgnoreNotBefore bool `json:"ignoreNotBefore,omitempty"`
	// Complete lets assertions see {header, payload, signature} instead of the claims.
	Complete bool `json:"complete,omitempty"`
	// Native says that the options are a native token's: integers beyond 2⁵³ keep their digits.
	Native bool `json:"-"`
}

// Strings is a string or a list of strings.
type Strings struct {
	List []string
	// Set is false for what JavaScript takes for no value: nothing, null and "".
	Set bool
	// empty says that there was a value, and nothing in it.
	empty bool
}

// Schema implements strictjson.Describer.
func (Strings) Schema() string {
	return `{"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}`
}

// UnmarshalJSON takes a string, a list of strings or null.
func (s *Strings) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = Strings{empty: true}
		if one != "" {
			*s = Strings{List: []string{one}, Set: true}
		}
		return nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return errors.New("want a string or a list of strings")
	}
	*s = Strings{List: list, Set: true, empty: len(list) == 0}
	return nil
}

// Algorithms are names of signature algorithms.
type Algorithms struct{ Strings }

// Enum implements strictjson.Enum.
func (Algorithms) Enum() []string { return algorithms }

var algorithms = []string{
	"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// AlgorithmsOf are the algorithms of these names.
func AlgorithmsOf(names ...string) Algorithms { return Algorithms{Strings{List: names, Set: true}} }

// Audience is a list of strings and patterns.
type Audience struct {
	Strings
	patterns []pattern
}

type pattern struct {
	literal string
	re      *jsregexp.Regexp
}

// Schema implements strictjson.Describer.
func (Audience) Schema() string {
	const one = `{"type": "string"}, {"type": "object", "required": ["regex"], "properties": {"regex": {"type": "string"}},
		"additionalProperties": false}`
	return `{"anyOf": [` + one + `, {"type": "array", "items": {"anyOf": [` + one + `]}}]}`
}

// UnmarshalJSON takes a string, an object with a regex, a list of them, or null.
func (a *Audience) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		var one Strings
		if json.Unmarshal(raw, &one) == nil {
			*a = Audience{Strings: one}
			return nil
		}
		list = []json.RawMessage{raw}
	}
	*a = Audience{Strings: Strings{Set: true, empty: len(list) == 0}}
	for _, e := range list {
		var text *string
		var o map[string]json.RawMessage // names are exact, where a struct's fields take "Regex" too
		var literal string
		switch {
		case json.Unmarshal(e, &text) == nil && text != nil:
			a.List = append(a.List, *text)
		case json.Unmarshal(e, &o) == nil && json.Unmarshal(o["regex"], &literal) == nil && literal != "":
			re, err := jsregexp.Compile(literal)
			if err != nil {
				return fmt.Errorf("regex: %w", err)
			}
			a.patterns = append(a.patterns, pattern{literal, re})
		default:
			return errors.New(`want strings or {"regex": "/pattern/flags"}`)
		}
	}
	return nil
}

// names lists the audiences for a message.
func (a *Audience) names() []string {
	names := slices.Clone(a.List)
	for _, p := range a.patterns {
		names = append(names, p.literal)
	}
	return names
}

// contains reports whether aud is one of the audiences. A pattern that cannot decide in time does not match.
func (a *Audience) contains(ctx context.Context, aud string) bool {
	if slices.Contains(a.List, aud) {
		return true
	}
	return slices.ContainsFunc(a.patterns, func(p pattern) bool {
		ok, err := p.re.Match(ctx, aud)
		return ok && err == nil
	})
}

// Age is a length of time.
type Age struct {
	seconds float64
	set     bool
	// text says that it was text; the moment it leads to is then rounded down to a second.
	text bool
	// bad says that it was neither.
	bad bool
}

// Schema implements strictjson.Describer.
func (Age) Schema() string { return `{"anyOf": [{"type": "number"}, {"type": "string"}]}` }

// UnmarshalJSON takes a number of seconds, text in the format of the npm package ms, or null. Whatever else it is told
// is found wrong by [Options], or with the first token.
func (a *Age) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	*a = Age{set: true}
	switch v := v.(type) {
	case nil:
		*a = Age{}
	case float64:
		a.seconds, a.set = v, v != 0
	case string:
		a.text, a.set = true, v != ""
		var ok bool
		if a.seconds, ok = parseAge(v); !ok {
			a.bad = a.set
		}
	default:
		a.bad = true
	}
	return nil
}

var agePattern = regexp.MustCompile(`(?i)^(-?\d*\.?\d+) ` +
	`*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|years?|yrs?|y)?$`)

// parseAge reads the format of the npm package ms, in seconds.
func parseAge(s string) (seconds float64, ok bool) {
	if len(s) > 100 {
		return 0, false
	}
	m := agePattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, false
	}
	unit := 0.001
	switch u := strings.ToLower(m[2]); {
	case u == "" || strings.HasPrefix(u, "ms") || strings.HasPrefix(u, "milli"):
	case u[0] == 's':
		unit = 1
	case u[0] == 'm':
		unit = 60
	case u[0] == 'h':
		unit = 3600
	case u[0] == 'd':
		unit = 86400
	case u[0] == 'w':
		unit = 7 * 86400
	default:
		unit = 365.25 * 86400
	}
	return n * unit, true
}

// Problems are options that can only deny, or that look like a check and are none; each with its path.
func (o *Options) Problems() []error {
	var bad []error
	add := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	for name, s := range map[string]Strings{"algorithms": o.Algorithms.Strings, "audience": o.Audience.Strings,
		"issuer": o.Issuer} {
		if s.empty {
			add("%s: empty", name)
		}
	}
	if o.Nonce != nil && strings.TrimSpace(*o.Nonce) == "" {
		add("nonce: want a non-empty string")
	}
	if o.MaxAge.bad || o.MaxAge.seconds < 0 {
		add(`maxAge: want seconds or text like "2 days"`)
	}
	if o.ClockTolerance < 0 || math.IsInf(o.ClockTolerance, 0) {
		add("clockTolerance: want seconds, 0 or more")
	}
	return bad
}
