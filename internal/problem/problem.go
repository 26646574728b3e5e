// Package problem is how errors about configuration say where they are, several at once, and what to do about them.
//
// Whoever finds something wrong returns an error that names it and perhaps carries a hint; whoever knows the place puts
// its path before it; and whoever shows it to a person splits it into one message for each thing that is wrong:
//
//	err := problem.Unknown("query engine", "jsonpath", "jp", "jq") // unknown query engine "jsonpath"
//	err = problem.At("skip[0]", problem.At("query_engine", err))   // skip[0].query_engine: unknown query engine "jsonpath"
//	problem.HintOf(err)                                            // did you mean jp?
package problem

import (
	"errors"
	"fmt"
	"strings"
)

// located is an error with the path of what it is about.
type located struct {
	path string
	err  error
}

func (l *located) Error() string { return l.path + ": " + l.err.Error() }
func (l *located) Unwrap() error { return l.err }

// At says where err happened, in each of its parts if it is several: path comes before the path that they have.
// At of nil is nil, and without a path it is err.
func At(path string, err error) error {
	if path == "" {
		return err
	}
	return each(err, func(part error) error {
		inner, ok := part.(*located)
		switch {
		case !ok:
			return &located{path, part}
		case strings.HasPrefix(inner.path, "["):
			return &located{path + inner.path, inner.err}
		}
		return &located{path + "." + inner.path, inner.err}
	})
}

// Path returns where err happened as far as [At] said, and the rest of it.
func Path(err error) (path string, rest error) {
	if l, ok := err.(*located); ok {
		return l.path, l.err
	}
	return "", err
}

// Prefix puts text and a colon before each part of err.
func Prefix(text string, err error) error {
	return each(err, func(part error) error { return fmt.Errorf("%s: %w", text, part) })
}

// Split returns the parts of an error that was joined, and of those that were joined into it; none for nil.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var parts []error
	for _, part := range joined.Unwrap() {
		parts = append(parts, Split(part)...)
	}
	return parts
}

func each(err error, do func(error) error) error {
	parts := Split(err)
	if len(parts) == 1 {
		return do(parts[0])
	}
	for i, part := range parts {
		parts[i] = do(part)
	}
	return errors.Join(parts...)
}

// hinted is an error that knows what to do about itself.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns err with a hint on what to do about it.
func Hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// HintOf returns the hint that err carries, "" without one.
func HintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
