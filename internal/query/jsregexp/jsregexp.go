package jsregexp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/sandbox"
)

// maxLiteral bounds what is compiled, in bytes.
const maxLiteral = 8 << 10

var (
	// ErrTimeout says that a match was cut off: whether the text matches is unknown.
	ErrTimeout = errors.New("regexp: match takes too long")

	errTooLarge = errors.New("regexp: too large")
)

// A Regexp is a compiled literal, safe for concurrent use.
type Regexp struct {
	// linear is what package regexp decides; empty where it cannot.
	linear []linear
	// wide says that it cannot do so for characters beyond U+FFFF.
	wide bool
	// script decides about all else.
	script query.Query
}

type linear struct {
	re   *regexp.Regexp
	want bool
}

// vms are the virtual machines of all expressions. There is one pool in the process, made on first use: what compiles
// expressions includes decoders of JSON, which nobody can hand a pool.
var vms = sync.OnceValue(func() *sandbox.Sandbox { return sandbox.New(sandbox.Options{}) })

// Compile compiles the text `/pattern/flags`. What JavaScript (ES2023) refuses is an error, and so is the flag v.
func Compile(literal string) (*Regexp, error) {
	if len(literal) > maxLiteral {
		return nil, errTooLarge
	}
	pattern, text, err := split(literal)
	if err != nil {
		return nil, err
	}
	f, err := parseFlags(text)
	if err != nil {
		return nil, err
	}
	re := &Regexp{}
	t := &translator{flags: f, pattern: pattern}
	if t.translate() && re.compile(t.conditions) {
		re.wide, re.script = t.wide, vms().Pattern(pattern, text)
		return re, nil
	}
	if re.script, err = vms().CompilePattern(pattern, text); err != nil {
		return nil, t.explain(err)
	}
	return re, nil
}

// compile reports false where package regexp has a limit that JavaScript has not.
func (re *Regexp) compile(conditions []condition) bool {
	for _, c := range conditions {
		compiled, err := regexp.Compile(c.pattern)
		if err != nil {
			re.linear = nil
			return false
		}
		re.linear = append(re.linear, linear{compiled, c.want})
	}
	return true
}

// reasons are QuickJS's words for what is wrong, in those of the field.
var reasons = map[string]string{
	"expecting ')'":                    "missing )",
	"extraneous characters at the end": "unmatched )",
	"unexpected end":                   "missing ]",
	"unexpected end of string":         `\ at the end`,
	"invalid class range":              "range out of order in class",
	"invalid repetition count":         "numbers out of order in quantifier",
	"group name not defined":           "reference to a group that does not exist",
}

// explain says what is wrong with a pattern, and where if the translator can tell.
func (t *translator) explain(err error) error {
	_, reason, ok := strings.Cut(err.Error(), "SyntaxError: ")
	if !ok {
		return fmt.Errorf("regexp: %w", err)
	}
	if better, ok := reasons[reason]; ok {
		reason = better
	}
	if t.foreign {
		return fmt.Errorf("regexp: %s", reason)
	}
	return fmt.Errorf("regexp: %s at offset %d", reason, len(t.pattern)-len(t.rest))
}

// For returns the expression as one of owner's, who shares virtual machines with nobody but loses none to others.
// See [query.Owned].
func (re *Regexp) For(owner any) *Regexp {
	own := *re
	own.script = re.script.(query.Owned).For(owner)
	return &own
}

// Match is test() on a fresh RegExp: whether the expression matches somewhere in s.
func (re *Regexp) Match(ctx context.Context, s string) (bool, error) {
	if len(re.linear) > 0 && !(re.wide && astral(s)) {
		for _, l := range re.linear {
			if l.re.MatchString(s) != l.want {
				return false, nil
			}
		}
		return true, nil
	}
	v, err := re.script.Eval(ctx, s)
	if errors.Is(err, sandbox.ErrTime) {
		return false, ErrTimeout
	}
	return v == true, err
}

// astral reports whether s has characters beyond U+FFFF.
func astral(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xf0 {
			return true
		}
	}
	return false
}
