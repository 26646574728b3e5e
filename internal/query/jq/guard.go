package jq

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// Functions that rewritten queries call.
const (
	guardName = "_easgate_guard"
	timesName = "_easgate_times"
)

var errGuard = errors.New("value too large")

// guard returns a function that yields its input, or an error when it is larger than limit: gojq shares what
// values have in common, so [.,.] a few dozen times makes one that takes years to walk.
func guard(limit int) func(any, []any) any {
	return func(v any, _ []any) any {
		if size(v, limit) < 0 {
			return errGuard
		}
		return v
	}
}

// times is jq 1.6's multiplication within limit.
func times(limit int) func(any, []any) any {
	return func(_ any, args []any) any {
		l, r := args[0], args[1]
		if s, ok := r.(string); ok {
			l, r = s, l
		}
		if s, ok := l.(string); ok {
			n, ok := gojq.ToFloat64(r)
			switch {
			case !ok:
				return errors.New("cannot multiply a string")
			case !(n > 0):
				return nil
			case float64(len(s))*math.Ceil(n) > float64(limit):
				return errGuard
			}
			return strings.Repeat(s, int(math.Ceil(n)))
		}
		if l, ok := l.(map[string]any); ok {
			if r, ok := r.(map[string]any); ok {
				return merge(l, r)
			}
		}
		a, aok := gojq.ToFloat64(l)
		b, bok := gojq.ToFloat64(r)
		if !aok || !bok {
			return fmt.Errorf("cannot multiply %s and %s", gojq.TypeOf(l), gojq.TypeOf(r))
		}
		return a * b
	}
}

// merge is the product of two objects.
func merge(l, r map[string]any) map[string]any {
	m := maps.Clone(l)
	for k, v := range r {
		if a, ok := m[k].(map[string]any); ok {
			if b, ok := v.(map[string]any); ok {
				v = merge(a, b)
			}
		}
		m[k] = v
	}
	return m
}

// keys is keys_unsorted, which gojq lacks: it does not know the order either.
func keys(v any, _ []any) any {
	switch v := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		out := make([]any, len(names))
		for i, k := range names {
			out[i] = k
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = i
		}
		return out
	}
	return fmt.Errorf("%s has no keys", gojq.TypeOf(v))
}

// size returns what is left of budget bytes after v, or something negative when v is larger.
// A value costs at least 16 bytes, so that a walk has an end.
func size(v any, budget int) int {
	budget -= 16
	switch v := v.(type) {
	case string:
		budget -= len(v)
	case *big.Int:
		budget -= v.BitLen() / 8
	case []any:
		for _, e := range v {
			if budget = size(e, budget); budget < 0 {
				return budget
			}
		}
	case map[string]any:
		for k, e := range v {
			if budget = size(e, budget-len(k)); budget < 0 {
				return budget
			}
		}
	}
	return budget
}

// A rewriter puts guards into a query.
type rewriter struct {
	// all has a guard after every call too, for queries of strangers.
	all bool
}

// forbidden are the names that reach beyond the data, or say something about this program.
var forbidden = map[string]bool{
	"$ENV": true, "env": true, "input": true, "inputs": true, "debug": true, "stderr": true, "halt": true,
	"halt_error": true, "input_filename": true, "input_line_number": true, "modulemeta": true, "builtins": true,
	"get_search_list": true, "$__prog_args": true, guardName: true, timesName: true,
}

// pathFuncs take paths as arguments, in which a guard would end the path.
var pathFuncs = map[string]bool{
	"path": true, "paths": true, "del": true, "pick": true, "delpaths": true, "map_values": true, "walk": true,
	"with_entries": true, "recurse": true, "first": true, "last": true, "limit": true, "until": true,
	"select": true, "_modify": true, "_assign": true, "to_entries": true,
}

func guarded(q *gojq.Query) *gojq.Query {
	return &gojq.Query{Left: q, Op: gojq.OpPipe, Right: call(guardName)}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func parenthesized(q *gojq.Query) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeQuery, Query: q}
}

// query rewrites q in place. path says that q is used as a path.
func (w rewriter) query(q *gojq.Query, path bool) error {
	if q == nil {
		return nil
	}
	if q.Meta != nil || len(q.Imports) > 0 {
		return errors.New("modules are not available")
	}
	for _, d := range q.FuncDefs {
		if forbidden[d.Name] {
			return fmt.Errorf("%s is not available", d.Name)
		}
		// Whether the function serves as a path shows where it is called only.
		if err := w.query(d.Body, true); err != nil {
			return err
		}
	}
	for _, p := range q.Patterns {
		if err := w.pattern(p); err != nil {
			return err
		}
	}
	if q.Term != nil {
		if err := w.term(q.Term, path); err != nil {
			return err
		}
	}
	left := path
	switch q.Op {
	case gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul,
		gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt:
		left = true
	case gojq.OpPipe, gojq.OpComma, gojq.OpAlt:
	default:
		left = false
	}
	if err := w.query(q.Left, left); err != nil {
		return err
	}
	right := path
	if q.Op != gojq.OpPipe && q.Op != gojq.OpComma && q.Op != gojq.OpAlt {
		right = false
	}
	if err := w.query(q.Right, right); err != nil {
		return err
	}
	return w.operator(q)
}

func (w rewriter) operator(q *gojq.Query) error {
	switch q.Op {
	case gojq.OpMul:
		product := guarded(call(timesName, q.Left, q.Right))
		q.Left, q.Op, q.Right = product.Left, product.Op, product.Right
	case gojq.OpAdd:
		sum := &gojq.Query{Left: q.Left, Op: gojq.OpAdd, Right: q.Right}
		q.Left, q.Op, q.Right = &gojq.Query{Term: parenthesized(sum)}, gojq.OpPipe, call(guardName)
	case gojq.OpUpdateMul:
		// gojq makes this product itself, where no guard reaches.
		return errors.New("*= is not available; use |= and *")
	}
	return nil
}

func (w rewriter) queries(path bool, qs ...*gojq.Query) error {
	for _, q := range qs {
		if err := w.query(q, path); err != nil {
			return err
		}
	}
	return nil
}

func (w rewriter) term(t *gojq.Term, path bool) error {
	for _, s := range t.SuffixList {
		if err := w.index(s.Index); err != nil {
			return err
		}
	}
	switch t.Type {
	case gojq.TermTypeIndex:
		return w.index(t.Index)
	case gojq.TermTypeFunc:
		return w.call(t, path)
	case gojq.TermTypeObject:
		if err := w.object(t.Object); err != nil {
			return err
		}
		w.wrap(t)
	case gojq.TermTypeArray:
		if err := w.query(t.Array.Query, false); err != nil {
			return err
		}
		w.wrap(t)
	case gojq.TermTypeUnary:
		return w.term(t.Unary.Term, false)
	case gojq.TermTypeFormat, gojq.TermTypeString:
		if err := w.text(t.Str); err != nil {
			return err
		}
		if w.all || t.Str != nil && t.Str.Queries != nil {
			w.wrap(t)
		}
	case gojq.TermTypeIf:
		return w.conditional(t.If, path)
	case gojq.TermTypeTry:
		return w.queries(path, t.Try.Body, t.Try.Catch)
	case gojq.TermTypeReduce:
		r := t.Reduce
		if err := w.loop(r.Query, r.Patterns, path, r.Start, r.Update); err != nil {
			return err
		}
		if !path {
			r.Update = guarded(r.Update)
		}
	case gojq.TermTypeForeach:
		f := t.Foreach
		if err := w.loop(f.Query, f.Patterns, path, f.Start, f.Update, f.Extract); err != nil {
			return err
		}
		if !path {
			f.Update = guarded(f.Update)
		}
	case gojq.TermTypeLabel:
		return w.query(t.Label.Body, path)
	case gojq.TermTypeQuery:
		return w.query(t.Query, path)
	}
	return nil
}

// wrap puts a guard after t's own value, before its suffixes.
func (w rewriter) wrap(t *gojq.Term) {
	own := *t
	own.SuffixList = nil
	*t = gojq.Term{
		Type:       gojq.TermTypeQuery,
		Query:      guarded(&gojq.Query{Term: &own}),
		SuffixList: t.SuffixList,
	}
}

func (w rewriter) call(t *gojq.Term, path bool) error {
	name := t.Func.Name
	if forbidden[name] {
		return fmt.Errorf("%s is not available", name)
	}
	// Restricted queries have no paths.
	if err := w.queries(!w.all && (path || pathFuncs[name]), t.Func.Args...); err != nil {
		return err
	}
	if w.all {
		w.wrap(t)
	}
	return nil
}

func (w rewriter) index(i *gojq.Index) error {
	if i == nil {
		return nil
	}
	if err := w.text(i.Str); err != nil {
		return err
	}
	return w.queries(false, i.Start, i.End)
}

func (w rewriter) text(s *gojq.String) error {
	if s == nil {
		return nil
	}
	return w.queries(false, s.Queries...)
}

func (w rewriter) object(o *gojq.Object) error {
	for _, kv := range o.KeyVals {
		if forbidden[kv.Key] { // {$ENV}
			return fmt.Errorf("%s is not available", kv.Key)
		}
		if err := w.text(kv.KeyString); err != nil {
			return err
		}
		if err := w.queries(false, kv.KeyQuery, kv.Val); err != nil {
			return err
		}
	}
	return nil
}

func (w rewriter) conditional(i *gojq.If, path bool) error {
	if err := w.query(i.Cond, false); err != nil {
		return err
	}
	for _, e := range i.Elif {
		if err := w.query(e.Cond, false); err != nil {
			return err
		}
		if err := w.query(e.Then, path); err != nil {
			return err
		}
	}
	return w.queries(path, i.Then, i.Else)
}

func (w rewriter) loop(source *gojq.Query, ps []*gojq.Pattern, path bool, parts ...*gojq.Query) error {
	if err := w.query(source, false); err != nil {
		return err
	}
	for _, p := range ps {
		if err := w.pattern(p); err != nil {
			return err
		}
	}
	return w.queries(path, parts...)
}

func (w rewriter) pattern(p *gojq.Pattern) error {
	if p == nil {
		return nil
	}
	for _, e := range p.Array {
		if err := w.pattern(e); err != nil {
			return err
		}
	}
	for _, o := range p.Object {
		if err := w.text(o.KeyString); err != nil {
			return err
		}
		if err := w.query(o.KeyQuery, false); err != nil {
			return err
		}
		if err := w.pattern(o.Val); err != nil {
			return err
		}
	}
	return nil
}
