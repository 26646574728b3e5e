package jsonpath

import (
	"slices"

	"github.com/easgate/easgate/internal/query"
)

// relax makes the steps that look for elements find those of lists that were sent as their only element.
func relax(steps []step) {
	for i, s := range steps {
		switch s := s.(type) {
		case index:
			steps[i] = laxSingle{s}
		case fromEnd:
			steps[i] = laxSingle{s}
		case wildcard, *filter, slice:
			steps[i] = lax{s}
		case union:
			// A list has members that a text has not: length.
			if !slices.ContainsFunc(s, func(part step) bool { _, ok := part.(member); return ok }) {
				steps[i] = lax{s}
			}
		}
	}
}

// lax is a step that takes one value for a list of one. Objects have members of their own to look for.
type lax struct{ step }

func (s lax) apply(r *run, v query.Value, out []any) ([]any, error) {
	return s.step.apply(r, asList(v), out)
}

type laxSingle struct{ single }

func (s laxSingle) one(v query.Value) (query.Value, bool, error) { return s.single.one(asList(v)) }

func (s laxSingle) apply(r *run, v query.Value, out []any) ([]any, error) {
	return applyOne(s, r, v, out)
}

func asList(v query.Value) query.Value {
	switch v.(type) {
	case nil, query.Undefined, *query.Object, []any:
		return v
	}
	return []any{v}
}
