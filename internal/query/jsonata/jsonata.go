package jsonata

import (
	"context"
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/query"
)

type engine struct{ reference query.Engine }

// New returns the engine jsonata, with the engine for what it does not evaluate itself.
func New(reference query.Engine) query.Engine { return engine{reference} }

// Compile implements [query.Engine].
func (e engine) Compile(expr string) (query.Query, error) {
	n, ok := parse(expr)
	if !ok {
		return e.reference.Compile(expr)
	}
	return &compiled{node: n, reference: &reference{engine: e.reference, expr: expr}}, nil
}

type compiled struct {
	node      node
	reference *reference
	owner     any
}

// reference is the expression for values that are not plain, compiled when there is one.
type reference struct {
	engine query.Engine
	expr   string
	mu     sync.Mutex
	query  query.Query
	err    error
}

func (r *reference) get() (query.Query, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.query == nil && r.err == nil {
		q, err := r.engine.Compile(r.expr)
		if errors.Is(err, query.ErrMoment) {
			return nil, err
		}
		r.query, r.err = q, err
	}
	return r.query, r.err
}

// For implements [query.Owned].
func (c *compiled) For(owner any) query.Query {
	return &compiled{node: c.node, reference: c.reference, owner: owner}
}

// Eval implements [query.Query].
func (c *compiled) Eval(ctx context.Context, data any) (any, error) {
	v, err := c.node.eval(data)
	if err == nil {
		return v, nil
	}
	q, err := c.reference.get()
	if err != nil {
		return nil, err
	}
	if owned, ok := q.(query.Owned); ok && c.owner != nil {
		q = owned.For(c.owner)
	}
	return q.Eval(ctx, data)
}

// errNotPlain says that the reference implementation has to decide.
var errNotPlain = errors.New("not plain")

// A node is a part of an expression. Its value is a text, a number, a boolean, null or undefined.
type node interface {
	eval(data query.Value) (query.Value, error)
}

type literal struct{ v query.Value }

func (l literal) eval(query.Value) (query.Value, error) { return l.v, nil }

// path is names from the root down.
type path []string

func (p path) eval(v query.Value) (query.Value, error) {
	for _, name := range p {
		o, ok := v.(*query.Object)
		if !ok || isFunction(o) {
			if scalar(v) {
				return query.Undefined{}, nil
			}
			return nil, errNotPlain
		}
		if v, ok = o.Get(name); !ok {
			return query.Undefined{}, nil
		}
	}
	if !scalar(v) {
		return nil, errNotPlain
	}
	return v, nil
}

// isFunction is how the reference tells its own functions, even in data.
func isFunction(o *query.Object) bool {
	for _, mark := range [...]string{"_jsonata_function", "_jsonata_lambda"} {
		if v, _ := o.Get(mark); v == true {
			return true
		}
	}
	return false
}

func scalar(v query.Value) bool {
	switch v.(type) {
	case string, float64, query.Integer, bool, nil, query.Undefined:
		return true
	}
	return false
}

// equal is = and !=, which are both false where a side is undefined.
type equal struct {
	left, right node
	negate      bool
}

func (e equal) eval(data query.Value) (query.Value, error) {
	l, r, err := both(e.left, e.right, data)
	if err != nil || undefined(l) || undefined(r) {
		return false, err
	}
	return (l == r) != e.negate, nil
}

func both(left, right node, data query.Value) (l, r query.Value, err error) {
	if l, err = left.eval(data); err != nil {
		return nil, nil, err
	}
	r, err = right.eval(data)
	return l, r, err
}

func undefined(v query.Value) bool {
	_, ok := v.(query.Undefined)
	return ok
}

// logic is and, or.
type logic struct {
	left, right node
	or          bool
}

func (e logic) eval(data query.Value) (query.Value, error) {
	l, err := e.left.eval(data)
	if err != nil || query.Truthy(l) == e.or {
		return e.or, err
	}
	r, err := e.right.eval(data)
	return query.Truthy(r), err
}

// maxText bounds what & makes, in bytes: beyond, the limits of the reference implementation hold.
const maxText = 64 << 10

// concat is &, to which undefined is the empty text.
type concat struct{ left, right node }

func (e concat) eval(data query.Value) (query.Value, error) {
	l, r, err := both(e.left, e.right, data)
	if err != nil {
		return nil, err
	}
	ls, lok := text(l)
	rs, rok := text(r)
	if !lok || !rok || len(ls)+len(rs) > maxText {
		return nil, errNotPlain
	}
	return ls + rs, nil
}

func text(v query.Value) (string, bool) {
	if i, ok := v.(query.Integer); ok {
		return string(i), true
	}
	s, ok := v.(string)
	return s, ok || undefined(v)
}

// call is a function with all its arguments.
type call struct {
	function function
	args     []node
}

type function func(args []query.Value) (query.Value, error)

func (c call) eval(data query.Value) (query.Value, error) {
	var args [2]query.Value
	for i, a := range c.args {
		var err error
		if args[i], err = a.eval(data); err != nil {
			return nil, err
		}
	}
	return c.function(args[:len(c.args)])
}

// functions are those that are evaluated here, and how many arguments they take: with fewer they would take the
// context.
var functions = map[string]struct {
	function function
	args     int
}{
	"lowercase": {ascii(strings.ToLower), 1},
	"uppercase": {ascii(strings.ToUpper), 1},
	"contains":  {contains, 2},
	"exists":    {func(args []query.Value) (query.Value, error) { return !undefined(args[0]), nil }, 1},
	"not":       {not, 1},
}

// ascii is a function on a text. Beyond ASCII, case is JavaScript's own.
func ascii(f func(string) string) function {
	return func(args []query.Value) (query.Value, error) {
		if undefined(args[0]) {
			return args[0], nil
		}
		s, ok := args[0].(string)
		if !ok {
			return nil, errNotPlain
		}
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				return nil, errNotPlain
			}
		}
		return f(s), nil
	}
}

func contains(args []query.Value) (query.Value, error) {
	token, ok := args[1].(string)
	if !ok {
		return nil, errNotPlain
	}
	if undefined(args[0]) {
		return args[0], nil
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, errNotPlain
	}
	return strings.Contains(s, token), nil
}

func not(args []query.Value) (query.Value, error) {
	if undefined(args[0]) {
		return args[0], nil
	}
	return !query.Truthy(args[0]), nil
}
