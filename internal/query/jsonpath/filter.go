package jsonpath

import (
	"errors"
	"slices"
	"unicode/utf16"

	"github.com/easgate/easgate/internal/query"
)

// filter is [?(expression)]: the children for which the expression is truthy. An expression that throws in JavaScript,
// as @.a.b does where a is missing, is undefined and so does not pass.
type filter struct{ expr expr }

var (
	errThrows = errors.New("jsonpath: filter throws")
	// errGivesUp stands for the value by which the reference refuses to look into functions. It makes the whole
	// expression undefined, but negated it is false.
	errGivesUp = errors.New("jsonpath: filter looks into a function")
)

func (f *filter) passes(v query.Value) (bool, error) {
	got, err := f.expr.eval(v)
	switch {
	case err == nil:
		return truthy(got), nil
	case errors.Is(err, errFunction):
		return false, err
	}
	return false, nil
}

func (f *filter) apply(r *run, v query.Value, out []any) ([]any, error) {
	err := children(r, v, func(_ string, _ int, child query.Value) error {
		ok, err := f.passes(child)
		if ok {
			out = append(out, child)
		}
		return err
	})
	return out, err
}

// An expr is a JavaScript expression over @, the value at hand.
type expr interface {
	eval(at query.Value) (query.Value, error)
}

type literal struct{ v query.Value }

func (e literal) eval(query.Value) (query.Value, error) { return e.v, nil }

// current is @ and what follows it.
type current struct{ path []member }

func (e current) eval(at query.Value) (query.Value, error) {
	for _, m := range e.path {
		var err error
		if at, err = property(at, m); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// property is JavaScript's v[m].
func property(v query.Value, m member) (query.Value, error) {
	switch v := v.(type) {
	case nil, query.Undefined:
		return nil, errThrows
	case string:
		switch {
		case m.name == "length":
			return float64(query.Length(v)), nil
		case m.arrayIndex >= 0:
			return query.CharAt(v, m.arrayIndex), nil
		case inherits("String", m.name):
			return methodOf("String", m.name)
		}
	case float64, query.Integer:
		if inherits("Number", m.name) {
			return methodOf("Number", m.name)
		}
	case bool:
		if inherits("Object", m.name) {
			return methodOf("Boolean", m.name)
		}
	case method:
		return nil, errGivesUp
	default:
		found, ok, err := m.one(v)
		switch {
		case ok:
			return found, nil
		case err != nil && inherits("Object", m.name):
			return methodOf("Object", m.name)
		case err != nil:
			return methodOf("Array", m.name)
		}
	}
	return query.Undefined{}, nil
}

type not struct{ of expr }

func (e not) eval(at query.Value) (query.Value, error) {
	v, err := e.of.eval(at)
	if errors.Is(err, errGivesUp) {
		return false, nil
	}
	return !truthy(v), err
}

// binary is a comparison, && or ||. The reference evaluates both sides before it looks at either.
type binary struct {
	op          string
	left, right expr
}

func (e binary) eval(at query.Value) (query.Value, error) {
	l, err := e.left.eval(at)
	if err != nil {
		return nil, err
	}
	r, err := e.right.eval(at)
	if err != nil {
		return nil, err
	}
	l, r = rounded(l, r), rounded(r, l)
	switch e.op {
	case "&&":
		if truthy(l) {
			return r, nil
		}
		return l, nil
	case "||":
		if truthy(l) {
			return l, nil
		}
		return r, nil
	case "===":
		return query.StrictEqual(l, r), nil
	case "!==":
		return !query.StrictEqual(l, r), nil
	case "==":
		return looseEqual(l, r)
	case "!=":
		eq, err := looseEqual(l, r)
		return !eq, err
	case "<":
		return less(l, r, func(c int) bool { return c < 0 })
	case "<=":
		return less(l, r, func(c int) bool { return c <= 0 })
	case ">":
		return less(l, r, func(c int) bool { return c > 0 })
	default:
		return less(l, r, func(c int) bool { return c >= 0 })
	}
}

// rounded is v as a float64 if it is an Integer and the other side of its operator a float64: data has integers in
// native tokens only, for others a literal is what JavaScript reads.
func rounded(v, other query.Value) query.Value {
	if i, ok := v.(query.Integer); ok {
		if _, ok := other.(float64); ok {
			return i.Float()
		}
	}
	return v
}

// less compares as <, <=, > and >= do (ECMA-262 §7.2.13): two strings by their code units, all else as numbers.
func less(l, r query.Value, holds func(int) bool) (query.Value, error) {
	l, err := primitive(l)
	if err != nil {
		return nil, err
	}
	if r, err = primitive(r); err != nil {
		return nil, err
	}
	ls, lok := l.(string)
	rs, rok := r.(string)
	if lok && rok {
		return holds(compareUTF16(ls, rs)), nil
	}
	c, ok, err := query.Compare(l, r)
	return ok && holds(c), err
}

func primitive(v query.Value) (query.Value, error) {
	switch v := v.(type) {
	case []any, *query.Object:
		return query.ToString(v)
	case method:
		return v.String(), nil
	}
	return v, nil
}

func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}
