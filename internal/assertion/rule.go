package assertion

import (
	"context"
	"errors"
	"slices"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsregexp"
)

var (
	errSeveral = errors.New("query finds more than one value")
	errNotList = errors.New("query gives no list")
	errNull    = errors.New("null has no case")
)

// A rule is one query and its test.
type rule struct {
	name string
	// engine, expr, method and want are the rule as it was written.
	engine, expr, method string
	want                 query.Value

	query  query.Query
	single query.Single
	// matches: the query yields a list of what it found, a jp query.
	matches bool
	takes   takes
	test    test
	negate  bool
	fold    bool
	// native: a list of one value and that value are the same; see [rule.alike].
	native bool
	// client: the query asks for the client's address, of which nothing is true when nobody knows it.
	client bool
	// err, when set, is all that there is.
	err error
}

// takes says what a test looks at.
type takes int

const (
	// one value; several are an error.
	one takes = iota
	// list: all that the query found.
	list
	// oneOrSeveral: one value or a list.
	oneOrSeveral
)

// holds also returns the value that it judged. What is null or not there is judged as "".
func (r *rule) holds(ctx context.Context, data query.Value) (ok bool, got query.Value, err error) {
	if r.err != nil {
		return false, query.Undefined{}, r.err
	}
	if r.client && !clientKnown(data) {
		return false, query.Undefined{}, errNoClient
	}
	if got, err = r.value(ctx, data); err != nil {
		return false, got, err
	}
	v := got
	switch v.(type) {
	case nil, query.Undefined:
		v = ""
	}
	if r.fold {
		if v, err = fold(v); err != nil {
			return false, got, err
		}
	}
	ok, err = r.test.holds(ctx, v)
	return err == nil && ok != r.negate, got, err
}

func (r *rule) value(ctx context.Context, data query.Value) (query.Value, error) {
	if r.single != nil && (r.native || r.takes != list) {
		v, _, err := r.single.EvalOne(ctx, data)
		if err != nil || !r.native {
			return v, err
		}
		return r.alike(v)
	}
	v, err := r.query.Eval(ctx, data)
	if err != nil || !r.matches && !r.native {
		return v, err
	}
	if r.matches && r.takes != list {
		if found, _ := v.([]any); len(found) < 2 || r.takes == one || !r.native {
			if v, err = only(found); err != nil {
				return nil, err
			}
		}
	}
	if !r.native {
		return v, nil
	}
	return r.alike(v)
}

// alike makes the same of one value and of a list of that value, whichever a directory or an issuer sent, so that a
// rule means the same for somebody in one group and somebody in several.
func (r *rule) alike(v query.Value) (query.Value, error) {
	if r.takes == list {
		return flat(v)
	}
	if values, ok := v.([]any); ok && r.takes == one {
		return only(spread(values))
	}
	return v, nil
}

// only returns the only one of values, nil if there is none.
func only(values []any) (query.Value, error) {
	switch len(values) {
	case 0:
		return nil, nil
	case 1:
		return values[0], nil
	}
	return nil, errSeveral
}

// flat returns v as a list of values: nothing as an empty one, one value as a list of one.
func flat(v query.Value) (query.Value, error) {
	switch values := v.(type) {
	case nil, query.Undefined:
		return []any{}, nil
	case *query.Object:
		return nil, errNotList
	case []any:
		if !slices.ContainsFunc(values, odd) {
			return v, nil
		}
		return spread(values), nil
	}
	return []any{v}, nil
}

// spread puts in place of a list within values its elements, and leaves out what is nothing.
func spread(values []any) []any {
	out := make([]any, 0, len(values))
	for _, e := range values {
		if inner, ok := e.([]any); ok {
			out = append(out, inner...)
		} else if !odd(e) {
			out = append(out, e)
		}
	}
	return out
}

// odd is what [spread] does not keep.
func odd(v query.Value) bool {
	switch v.(type) {
	case nil, query.Undefined, []any:
		return true
	}
	return false
}

// fold makes texts of a value, or of the elements of a list, and puts them in lower case.
func fold(v query.Value) (query.Value, error) {
	list, ok := v.([]any)
	if !ok {
		return lower(v)
	}
	out := make([]any, len(list))
	for i, e := range list {
		var err error
		if out[i], err = lower(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func lower(v query.Value) (query.Value, error) {
	switch v.(type) {
	case nil, query.Undefined:
		return nil, errNull
	}
	s, err := query.ToString(v)
	return query.ToLower(s), err
}

// A test is a method and its value.
type test interface {
	holds(ctx context.Context, v query.Value) (bool, error)
}

// equal is JavaScript's ==: 5 is "5", and false is "".
type equal struct{ to query.Value }

func (t equal) holds(_ context.Context, v query.Value) (bool, error) {
	return query.LooseEqual(t.to, v)
}

type regex struct{ re *jsregexp.Regexp }

func (t regex) holds(ctx context.Context, v query.Value) (bool, error) {
	s, err := query.ToString(v)
	if err != nil {
		return false, err
	}
	return t.re.Match(ctx, s)
}

// in and the others below compare with ===: 5 is not "5", and lists and objects are equal to nothing.
type in []any

func (t in) holds(_ context.Context, v query.Value) (bool, error) { return includes(t, v), nil }

type contains struct{ what query.Value }

func (t contains) holds(_ context.Context, v query.Value) (bool, error) {
	list, ok := v.([]any)
	if !ok {
		return false, errNotList
	}
	return includes(list, t.what), nil
}

type containsAny []any

func (t containsAny) holds(_ context.Context, v query.Value) (bool, error) {
	list, ok := v.([]any)
	if !ok {
		return false, errNotList
	}
	return slices.ContainsFunc(t, func(what any) bool { return includes(list, what) }), nil
}

type containsAll []any

func (t containsAll) holds(_ context.Context, v query.Value) (bool, error) {
	list, ok := v.([]any)
	if !ok {
		return false, errNotList
	}
	return !slices.ContainsFunc(t, func(what any) bool { return !includes(list, what) }), nil
}

func includes(list []any, v query.Value) bool {
	return slices.ContainsFunc(list, func(e any) bool { return query.StrictEqual(e, v) })
}

// empty holds for "" and []. 0, false and {} are not empty.
type empty struct{}

func (empty) holds(_ context.Context, v query.Value) (bool, error) {
	switch v := v.(type) {
	case string:
		return v == "", nil
	case []any:
		return len(v) == 0, nil
	}
	return false, nil
}
