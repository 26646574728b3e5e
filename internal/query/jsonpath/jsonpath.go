package jsonpath

import (
	"context"
	"errors"

	"github.com/easgate/easgate/internal/query"
)

type engine struct{ fallback query.Engine }

// New returns the engine jp. What it does not evaluate itself goes to fallback; if that is nil, such an
// expression does not compile, and the error names the construct.
func New(fallback query.Engine) query.Engine { return engine{fallback} }

// Compile fails for whatever the npm package refuses to parse. Its queries yield []any, one element a match, and fail
// on data that is neither an object nor a list, as there.
func (e engine) Compile(expr string) (query.Query, error) { return e.compile(expr, false) }

// CompileNative implements [query.Native]: [*], filters, indexes and slices take a text, a number or a boolean for a
// list of it, so that $.groups[*] finds the one group of "groups": "admin".
func (e engine) CompileNative(expr string) (query.Query, error) { return e.compile(expr, true) }

func (e engine) compile(expr string, lax bool) (query.Query, error) {
	steps, err := parse(expr)
	if err != nil {
		if errors.Is(err, errUnsupported) && e.fallback != nil {
			if native, ok := e.fallback.(query.Native); ok && lax {
				return native.CompileNative(expr)
			}
			return e.fallback.Compile(expr)
		}
		return nil, err
	}
	if lax {
		relax(steps)
	}
	var prefix definite
	for _, s := range steps {
		one, ok := s.(single)
		if !ok {
			break
		}
		prefix = append(prefix, one)
	}
	if len(prefix) == len(steps) {
		return prefix, nil
	}
	return path{prefix, steps[len(prefix):]}, nil
}

// A path is a compiled expression: where to begin, and the steps from there, of which the first may find several
// values.
type path struct {
	prefix definite
	steps  []step
}

func (p path) Eval(ctx context.Context, data any) (any, error) {
	from, ok, err := p.prefix.EvalOne(ctx, data)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []any{}, nil
	}
	r := run{ctx: ctx}
	found, err := p.steps[0].apply(&r, from, []any{})
	for _, s := range p.steps[1:] {
		next := []any{}
		for _, v := range found {
			if err == nil {
				next, err = s.apply(&r, v, next)
			}
		}
		found = next
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// A definite path finds one value at most: members and indexes only.
type definite []single

func (d definite) Eval(ctx context.Context, data any) (any, error) {
	v, ok, err := d.EvalOne(ctx, data)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []any{}, nil
	}
	return []any{v}, nil
}

// EvalOne implements [query.Single].
func (d definite) EvalOne(_ context.Context, data query.Value) (query.Value, bool, error) {
	if !rooted(data) {
		return nil, false, errRoot
	}
	for _, s := range d {
		var ok bool
		var err error
		if data, ok, err = s.one(data); err != nil || !ok {
			return nil, false, err
		}
	}
	return data, true, nil
}

func rooted(data query.Value) bool {
	switch data.(type) {
	case *query.Object, []any:
		return true
	}
	return false
}
