package assertion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
)

var errNoList = errors.New("rules: must be a list")

// A Set is a compiled list of rules, safe for concurrent use. Nil and the zero value are empty ones, which hold.
type Set struct{ rules []rule }

// Compile compiles what a token has as skip, stop or assertions: a list of
//
//	{"query_engine": "jp", "query": "$.sub", "rule": {"method": "eq", "value": "x", "negate": false, "case_insensitive": false}}
//
// Nothing, [] and (not with strict) {} are the empty set; whether null, false and "" switch the block off is the
// caller's to say. With strict, whatever else is odd is an error that names its place: unknown fields, engines and
// methods, queries and regular expressions that do not compile, values of the wrong type. Without, it becomes a rule
// that is an error when it is evaluated, as in external-auth-server, where it throws then; see [Set.Err].
// [query.ErrMoment] is an error in either case: it says nothing about the rules.
func Compile(raw json.RawMessage, engines query.Engines, strict bool) (*Set, error) {
	s := &Set{}
	if len(raw) == 0 {
		return s, nil
	}
	v, err := query.Parse(raw, strict)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		if o, isObject := v.(*query.Object); isObject && o.Len() == 0 && !strict {
			return s, nil
		}
		if strict {
			return nil, errNoList
		}
		return &Set{rules: []rule{{name: "rules", err: errNoList}}}, nil
	}
	c := compiler{engines: engines, strict: strict, owner: s}
	var errs []error
	for i, v := range list {
		r, err := c.rule(v)
		if errors.Is(err, query.ErrMoment) {
			return nil, err
		}
		if err != nil {
			err = problem.At(fmt.Sprintf("[%d]", i), err)
			errs = append(errs, err)
			r = rule{err: err}
		}
		r.name = fmt.Sprintf("rule %d of %d%s", i+1, len(list), r.name)
		s.rules = append(s.rules, r)
	}
	if strict && len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Err says which rules are errors whenever they are evaluated, and why; nil when there are none. Strict sets have none.
func (s *Set) Err() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, r := range s.rules {
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}

// Eval reports whether all rules hold for data. They are evaluated in order, up to the first that does not hold, which
// failed describes by its number, engine and method, without values. An error says that a rule could not be evaluated;
// then ok is false.
func (s *Set) Eval(ctx context.Context, data query.Value) (ok bool, failed string, err error) {
	if s == nil || len(s.rules) == 0 {
		return true, "", nil
	}
	watch, _ := ctx.Value(watchKey{}).(func(Judgement))
	for i := range s.rules {
		r := &s.rules[i]
		holds, got, err := r.holds(ctx, data)
		if watch != nil {
			watch(Judgement{r.name, r.engine, r.expr, r.method, r.negate, got, r.want, holds, err})
		}
		if err != nil {
			return false, r.name, fmt.Errorf("%s: %w", r.name, err)
		}
		if !holds {
			return false, r.name, nil
		}
	}
	return true, "", nil
}

// A Judgement is what became of one rule, for whoever explains a decision.
type Judgement struct {
	// Rule is its place and kind, without values: "rule 1 of 2 (jp, not eq)".
	Rule                  string
	Engine, Query, Method string
	Negate                bool
	// Got is the value that the query gave, and Want the rule's. Either may be a secret.
	Got, Want query.Value
	Holds     bool
	Err       error
}

type watchKey struct{}

// Watch returns a context in which f is told of every rule that is evaluated.
func Watch(ctx context.Context, f func(Judgement)) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}
