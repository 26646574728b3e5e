package jsregexp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

const (
	// matchTimeout bounds one backtracking match.
	matchTimeout = 50 * time.Millisecond
	// maxLiteral and maxEmitted bound, in bytes, what is compiled: as sets, a \p{L} of five bytes has ten thousand.
	maxLiteral, maxEmitted = 8 << 10, 1 << 20
)

var (
	// ErrTimeout says that a match was cut off: whether the text matches is unknown.
	ErrTimeout = errors.New("regexp: match takes too long")

	errTooLarge = errors.New("regexp: too large")
	errEngine   = errors.New("regexp: regexp2 failed on this pattern")
	errCase     = errors.New("regexp: backreference with the flag i, on a text that is not ASCII, is not supported")
)

// A Regexp is a compiled literal, safe for concurrent use.
type Regexp struct {
	flags
	// fast is nil when the pattern needs backtracking.
	fast *regexp.Regexp
	slow func() (*regexp2.Regexp, error)
	// asciiOnly: only ASCII texts can be compared ignoring case.
	asciiOnly bool
}

// Compile compiles the text `/pattern/flags`. What JavaScript refuses is an error, and so are the flag v,
// Unicode properties without a table in package unicode, and backreferences whose meaning regexp2 does not share.
func Compile(literal string) (*Regexp, error) {
	if len(literal) > maxLiteral {
		return nil, errTooLarge
	}
	pattern, opts, err := split(literal)
	if err != nil {
		return nil, err
	}
	f, err := parseFlags(opts)
	if err != nil {
		return nil, err
	}
	n, err := parse(pattern, f)
	if err != nil {
		return nil, err
	}
	re := &Regexp{flags: f, asciiOnly: f.ignoreCase && hasBackref(n)}
	if !needsBacktracking(n, f) {
		text := emit(n, f, false)
		if len(text) > maxEmitted {
			return nil, errTooLarge
		}
		// It may still be too large for package regexp.
		re.fast, _ = regexp.Compile(text)
	}
	re.slow = sync.OnceValues(func() (*regexp2.Regexp, error) { return compileSlow(emit(n, f, true)) })
	if re.fast == nil {
		if _, err := re.slow(); err != nil {
			return nil, err
		}
	}
	return re, nil
}

func hasBackref(n node) bool {
	if b, ok := n.(*backref); ok {
		return !b.never
	}
	for _, child := range children(n) {
		if hasBackref(child) {
			return true
		}
	}
	return false
}

func emit(n node, f flags, backtracking bool) string {
	e := &emitter{flags: f, backtracking: backtracking}
	if f.sticky {
		// A fresh expression is asked once, so it sticks to the start.
		e.WriteString(`\A`)
	}
	e.WriteString("(?:")
	e.node(n)
	e.WriteByte(')')
	return e.String()
}

// clock makes regexp2 look at the time often enough for matchTimeout; by default it does every 100 ms. The setting is
// regexp2's, of the whole process.
var clock = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(10 * time.Millisecond) })

func compileSlow(pattern string) (*regexp2.Regexp, error) {
	if len(pattern) > maxEmitted {
		return nil, errTooLarge
	}
	clock()
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("regexp: %w", err)
	}
	re.MatchTimeout = matchTimeout
	return re, nil
}

// Match is test() on a fresh RegExp: whether the expression matches somewhere in s.
func (re *Regexp) Match(s string) (bool, error) {
	if re.fast != nil && (re.unicode || !astral(s)) {
		return re.fast.MatchString(s), nil
	}
	if re.asciiOnly && strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		return false, errCase
	}
	slow, err := re.slow()
	if err != nil {
		return false, err
	}
	// Without the flag u JavaScript matches code units: a character beyond U+FFFF is two.
	in := []rune(s)
	if !re.unicode {
		in = codeUnits(s)
	}
	return matchSlow(slow, in)
}

func matchSlow(re *regexp2.Regexp, in []rune) (ok bool, err error) {
	// regexp2 1.11.5 runs over the end of its stack on some patterns, `(?<=()+?)` among them.
	defer func() {
		if recover() != nil {
			ok, err = false, errEngine
		}
	}()
	if ok, err = re.MatchRunes(in); err != nil {
		return false, ErrTimeout
	}
	return ok, nil
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
