package jsonpath

import (
	"context"
	"errors"
	"math"

	"github.com/easgate/easgate/internal/query"
)

// maxWork bounds the values that one evaluation looks at: `$..*..*` squares what a client sent.
const maxWork = 1 << 18

var (
	errWork = errors.New("jsonpath: too many values to look at")
	// errFunction: in the reference such a path gives a function or a prototype object. Nothing good is meant by it.
	errFunction = errors.New("jsonpath: path leads to a method of JavaScript's prototypes")
	errStep     = errors.New("jsonpath: slice: step cannot be zero")
	errSlice    = errors.New("jsonpath: slice: starts behind the end of the list")
	errScript   = errors.New("jsonpath: script expression does not give an index")
	errRoot     = errors.New("jsonpath: data is neither an object nor a list")
)

// A run is one evaluation.
type run struct {
	ctx  context.Context
	work int
}

func (r *run) look() error {
	r.work++
	if r.work > maxWork {
		return errWork
	}
	if r.work%1024 == 0 {
		return r.ctx.Err()
	}
	return nil
}

// A step finds values in v, which is one of those that the steps before found, and appends them to out.
type step interface {
	apply(r *run, v query.Value, out []any) ([]any, error)
}

// A single is a step that finds one value at most.
type single interface {
	step
	one(v query.Value) (query.Value, bool, error)
}

func applyOne(s single, r *run, v query.Value, out []any) ([]any, error) {
	if err := r.look(); err != nil {
		return nil, err
	}
	found, ok, err := s.one(v)
	if err != nil || !ok {
		return out, err
	}
	return append(out, found), nil
}

// member is .name and ['name'].
type member struct {
	name string
	// arrayIndex is the element that the name selects in a list, or -1.
	arrayIndex int
}

func (s member) one(v query.Value) (query.Value, bool, error) {
	switch v := v.(type) {
	case *query.Object:
		if found, ok := v.Get(s.name); ok {
			return found, true, nil
		}
		if inherits("Object", s.name) {
			return nil, false, errFunction
		}
	case []any:
		switch {
		case s.arrayIndex >= 0:
			if s.arrayIndex < len(v) {
				return v[s.arrayIndex], true, nil
			}
		case s.name == "length":
			return float64(len(v)), true, nil
		case inherits("Array", s.name):
			return nil, false, errFunction
		}
	}
	return nil, false, nil
}

func (s member) apply(r *run, v query.Value, out []any) ([]any, error) { return applyOne(s, r, v, out) }

// index is [0]: an element of a list, never a member of an object.
type index float64

func (s index) one(v query.Value) (query.Value, bool, error) {
	if a, ok := v.([]any); ok && s >= 0 && float64(s) < float64(len(a)) {
		return a[int(s)], true, nil
	}
	return nil, false, nil
}

func (s index) apply(r *run, v query.Value, out []any) ([]any, error) { return applyOne(s, r, v, out) }

// keyNumber is .0: an element of a list or a member of an object.
type keyNumber float64

func (s keyNumber) one(v query.Value) (query.Value, bool, error) {
	if o, ok := v.(*query.Object); ok {
		found, ok := o.Get(query.Number(float64(s)))
		return found, ok, nil
	}
	return index(s).one(v)
}

func (s keyNumber) apply(r *run, v query.Value, out []any) ([]any, error) {
	return applyOne(s, r, v, out)
}

// fromEnd is [(@.length-N)].
type fromEnd int

func (s fromEnd) one(v query.Value) (query.Value, bool, error) {
	var length query.Value
	switch v := v.(type) {
	case []any:
		return index(len(v) - int(s)).one(v)
	case *query.Object:
		length, _ = v.Get("length")
	default:
		return nil, false, errScript
	}
	// The number is no key of an object, but only a number makes a path that the reference can parse.
	f, err := query.ToNumber(length)
	f -= float64(s)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1e21 {
		return nil, false, errScript
	}
	return nil, false, nil
}

func (s fromEnd) apply(r *run, v query.Value, out []any) ([]any, error) {
	return applyOne(s, r, v, out)
}

// children calls see with the children of v, in order; the key of a list's element is its index, of an object's member
// its name.
func children(r *run, v query.Value, see func(name string, index int, child query.Value) error) error {
	switch v := v.(type) {
	case []any:
		for i, child := range v {
			if err := r.look(); err != nil {
				return err
			}
			if err := see("", i, child); err != nil {
				return err
			}
		}
	case *query.Object:
		for i := range v.Len() {
			if err := r.look(); err != nil {
				return err
			}
			name, child := v.At(i)
			if err := see(name, -1, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// traverse appends all values below v that match, at every level the matching children before what is below them.
func traverse(r *run, v query.Value, out []any, match deep) ([]any, error) {
	err := children(r, v, func(name string, index int, child query.Value) error {
		ok, err := match(name, index, child)
		if ok {
			out = append(out, child)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = children(r, v, func(_ string, _ int, child query.Value) error {
		var err error
		out, err = traverse(r, child, out, match)
		return err
	})
	return out, err
}

// wildcard is .* and [*].
type wildcard struct{}

func (wildcard) apply(r *run, v query.Value, out []any) ([]any, error) {
	if a, ok := v.([]any); ok {
		r.work += len(a)
		return append(out, a...), r.look()
	}
	err := children(r, v, func(_ string, _ int, child query.Value) error {
		out = append(out, child)
		return nil
	})
	return out, err
}

// deep is the step that looks at all depths for the children that it is true of.
type deep func(name string, index int, child query.Value) (bool, error)

func (d deep) apply(r *run, v query.Value, out []any) ([]any, error) { return traverse(r, v, out, d) }
