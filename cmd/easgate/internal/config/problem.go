package config

import (
	"errors"
	"fmt"
	"strings"
)

// A Problem is one thing that is wrong with the configuration, and what to do about it.
type Problem struct {
	// Source is where it was read: "easgate.yaml:3:7", "EAS_PORT", "--port"; "" when something is missing altogether.
	Source string
	Err    error
	Hint   string
}

func (p Problem) Error() string {
	if p.Source == "" {
		return p.Err.Error()
	}
	return fmt.Sprintf("%s: %v", p.Source, p.Err)
}

func (p Problem) Unwrap() error { return p.Err }

// Problems are all the faults of a configuration at once, so that an operator mends them in one go.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns ps as an error, nil when there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// hinted is an error that knows what to do about itself.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
