package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/easgate/easgate/internal/problem"
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

// Unwrap makes parts of them, for [problem.Split].
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// err returns ps as an error, nil when there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Report returns what there is to say about err, one problem for each of its parts.
func Report(err error) Problems {
	var ps Problems
	for _, part := range problem.Split(err) {
		var p Problem
		if !errors.As(part, &p) {
			p = Problem{Err: part, Hint: problem.HintOf(part)}
		}
		ps = append(ps, p)
	}
	return ps
}
