package jq

import (
	"errors"
	"fmt"

	"github.com/itchyny/gojq"
)

// A rewriter puts guards into a query, and what walks objects in their order in the place of what walks them sorted.
type rewriter struct {
	// all has a guard after every call too, for queries of strangers.
	all bool
	// native is as in engine.
	native bool
	// own are the functions that the query defines, and their parameters.
	own map[string]bool
	// paths are those of them that may use their arguments as paths.
	paths map[string]bool
	// usesPaths: something in the definition at hand uses a path.
	usesPaths bool
}

// forbidden are the names that reach beyond the data, or say something about this program.
var forbidden = map[string]bool{
	"$ENV": true, "env": true, "input": true, "inputs": true, "debug": true, "stderr": true, "halt": true,
	"halt_error": true, "input_filename": true, "input_line_number": true, "modulemeta": true, "builtins": true,
	"get_search_list": true, "$__prog_args": true, guardName: true, timesName: true, orderName: true, eachName: true,
	recurseName: true, entriesName: true, valuesName: true, toJSONName: true, toStringName: true, keysName: true,
	fromJSONName: true, toNumberName: true, trimLeftName: true, trimEndName: true, reverseName: true,
}

// pathFuncs take paths as arguments, which neither guards nor other functions of ours are.
var pathFuncs = map[string]bool{"path": true, "del": true, "pick": true}

func guarded(q *gojq.Query) *gojq.Query {
	return pipe(q, call(guardName))
}

func pipe(l, r *gojq.Query) *gojq.Query {
	return &gojq.Query{Left: l, Op: gojq.OpPipe, Right: r}
}

// ordered calls a function that knows the order of keys.
func ordered(name string) *gojq.Query { return call(name, call(orderName)) }

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func parenthesized(q *gojq.Query) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeQuery, Query: q}
}

// query rewrites q in place. path says that q is used as a path.
func (w *rewriter) query(q *gojq.Query, path bool) error {
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
		if err := w.definition(d); err != nil {
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
		w.usesPaths = true
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

func (w *rewriter) definition(d *gojq.FuncDef) error {
	w.own[d.Name] = true
	for _, param := range d.Args {
		w.own[param] = true
	}
	outer := w.usesPaths
	w.usesPaths = false
	w.paths[d.Name] = true // where it calls itself
	// Whether the function serves as a path shows where it is called only.
	err := w.query(d.Body, true)
	w.paths[d.Name], w.usesPaths = w.usesPaths, outer
	return err
}

func (w *rewriter) operator(q *gojq.Query) error {
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

func (w *rewriter) queries(path bool, qs ...*gojq.Query) error {
	for _, q := range qs {
		if err := w.query(q, path); err != nil {
			return err
		}
	}
	return nil
}

func (w *rewriter) term(t *gojq.Term, path bool) error {
	if err := w.value(t, path); err != nil {
		return err
	}
	if !path {
		w.iterate(t)
	}
	return nil
}

// value rewrites what stands before t's suffixes, and what is inside these.
func (w *rewriter) value(t *gojq.Term, path bool) error {
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
	case gojq.TermTypeRecurse:
		if !path {
			w.replace(t, ordered(recurseName))
		}
	case gojq.TermTypeFormat, gojq.TermTypeString:
		return w.format(t, path)
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

// replace puts q in the place of t's own value, before its suffixes.
func (w *rewriter) replace(t *gojq.Term, q *gojq.Query) {
	*t = gojq.Term{Type: gojq.TermTypeQuery, Query: q, SuffixList: t.SuffixList}
}

// wrap puts a guard after t's own value.
func (w *rewriter) wrap(t *gojq.Term) {
	own := *t
	own.SuffixList = nil
	w.replace(t, guarded(&gojq.Query{Term: &own}))
}

// iterate has .[] walk objects in their order.
func (w *rewriter) iterate(t *gojq.Term) {
	for i := 0; i < len(t.SuffixList); i++ {
		if !t.SuffixList[i].Iter {
			continue
		}
		before := *t
		before.SuffixList = t.SuffixList[:i:i]
		*t = gojq.Term{
			Type:       gojq.TermTypeQuery,
			Query:      pipe(&gojq.Query{Term: &before}, ordered(eachName)),
			SuffixList: t.SuffixList[i+1:],
		}
		i = -1
	}
}

// format rewrites a text with interpolations, or a format.
func (w *rewriter) format(t *gojq.Term, path bool) error {
	if err := w.text(t.Str); err != nil {
		return err
	}
	if path {
		return nil
	}
	write := ordered(toStringName)
	if t.Format == "@json" {
		write = ordered(toJSONName)
	}
	switch {
	case t.Str == nil:
		switch t.Format {
		case "@json", "@text":
			w.replace(t, write)
		case "@base64", "@uri", "@html":
			own := gojq.Term{Type: gojq.TermTypeFormat, Format: t.Format}
			w.replace(t, pipe(write, &gojq.Query{Term: &own}))
		}
	case t.Format == "" || t.Format == "@json" || t.Format == "@text" || t.Format == "@base64" || t.Format == "@uri" || t.Format == "@html":
		for i, q := range t.Str.Queries {
			if q.Term.Str == nil { // else it is a literal part; gojq tells them apart like this
				t.Str.Queries[i] = &gojq.Query{Term: parenthesized(pipe(q, write))}
			}
		}
		if t.Format == "@json" || t.Format == "@text" {
			*t = gojq.Term{Type: gojq.TermTypeString, Str: t.Str, SuffixList: t.SuffixList}
		}
	}
	if w.all || t.Str != nil && t.Str.Queries != nil {
		w.wrap(t)
	}
	return nil
}

func (w *rewriter) index(i *gojq.Index) error {
	if i == nil {
		return nil
	}
	if err := w.text(i.Str); err != nil {
		return err
	}
	return w.queries(false, i.Start, i.End)
}

func (w *rewriter) text(s *gojq.String) error {
	if s == nil {
		return nil
	}
	return w.queries(false, s.Queries...)
}

func (w *rewriter) object(o *gojq.Object) error {
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

func (w *rewriter) conditional(i *gojq.If, path bool) error {
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

func (w *rewriter) loop(source *gojq.Query, ps []*gojq.Pattern, path bool, parts ...*gojq.Query) error {
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

func (w *rewriter) pattern(p *gojq.Pattern) error {
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
