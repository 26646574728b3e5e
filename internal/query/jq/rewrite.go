package jq

import (
	"slices"

	"github.com/itchyny/gojq"
)

// A rewriter puts guards into a query, and what walks objects in their order in the place of what walks them sorted.
type rewriter struct {
	// all has a guard after every call too, for queries of strangers.
	all bool
	// own are the functions that the query defines, and their parameters.
	own map[string]bool
	// paths are those of them that may use their arguments as paths.
	paths map[string]bool
	// usesPaths: something in the definition at hand uses a path.
	usesPaths bool
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
func (w *rewriter) query(q *gojq.Query, path bool) {
	if q == nil {
		return
	}
	for _, d := range q.FuncDefs {
		w.definition(d)
	}
	for _, p := range q.Patterns {
		w.pattern(p)
	}
	if q.Term != nil {
		w.term(q.Term, path)
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
	w.query(q.Left, left)
	right := path
	if q.Op != gojq.OpPipe && q.Op != gojq.OpComma && q.Op != gojq.OpAlt {
		right = false
	}
	w.query(q.Right, right)
	w.operator(q)
}

func (w *rewriter) definition(d *gojq.FuncDef) {
	w.own[d.Name] = true
	for _, param := range d.Args {
		w.own[param] = true
	}
	outer := w.usesPaths
	w.usesPaths = false
	w.paths[d.Name] = true // where it calls itself
	// Whether the function serves as a path shows where it is called only.
	w.query(d.Body, true)
	w.paths[d.Name], w.usesPaths = w.usesPaths, outer
}

func (w *rewriter) operator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpMul:
		product := guarded(call(timesName, q.Left, q.Right))
		q.Left, q.Op, q.Right = product.Left, product.Op, product.Right
	case gojq.OpAdd:
		sum := &gojq.Query{Left: q.Left, Op: gojq.OpAdd, Right: q.Right}
		q.Left, q.Op, q.Right = &gojq.Query{Term: parenthesized(sum)}, gojq.OpPipe, call(guardName)
	}
}

func (w *rewriter) queries(path bool, qs ...*gojq.Query) {
	for _, q := range qs {
		w.query(q, path)
	}
}

func (w *rewriter) term(t *gojq.Term, path bool) {
	w.value(t, path)
	if !path {
		w.iterate(t)
	}
}

// value rewrites what stands before t's suffixes, and what is inside these.
func (w *rewriter) value(t *gojq.Term, path bool) {
	for _, s := range t.SuffixList {
		w.index(s.Index)
	}
	switch t.Type {
	case gojq.TermTypeIndex:
		w.index(t.Index)
	case gojq.TermTypeFunc:
		w.call(t, path)
	case gojq.TermTypeObject:
		w.object(t.Object)
		w.wrap(t)
	case gojq.TermTypeArray:
		w.query(t.Array.Query, false)
		w.wrap(t)
	case gojq.TermTypeUnary:
		w.term(t.Unary.Term, false)
	case gojq.TermTypeRecurse:
		if !path {
			w.replace(t, ordered(recurseName))
		}
	case gojq.TermTypeFormat, gojq.TermTypeString:
		w.format(t, path)
	case gojq.TermTypeIf:
		w.conditional(t.If, path)
	case gojq.TermTypeTry:
		w.queries(path, t.Try.Body, t.Try.Catch)
	case gojq.TermTypeReduce:
		r := t.Reduce
		w.loop(r.Query, r.Patterns, path, r.Start, r.Update)
		if !path {
			r.Update = guarded(r.Update)
		}
	case gojq.TermTypeForeach:
		f := t.Foreach
		w.loop(f.Query, f.Patterns, path, f.Start, f.Update, f.Extract)
		if !path {
			f.Update = guarded(f.Update)
		}
	case gojq.TermTypeLabel:
		w.query(t.Label.Body, path)
	case gojq.TermTypeQuery:
		w.query(t.Query, path)
	}
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
func (w *rewriter) format(t *gojq.Term, path bool) {
	w.text(t.Str)
	if path {
		return
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
	case slices.Contains([]string{"", "@json", "@text", "@base64", "@uri", "@html"}, t.Format):
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
}

func (w *rewriter) index(i *gojq.Index) {
	if i == nil {
		return
	}
	w.text(i.Str)
	w.queries(false, i.Start, i.End)
}

func (w *rewriter) text(s *gojq.String) {
	if s == nil {
		return
	}
	w.queries(false, s.Queries...)
}

func (w *rewriter) object(o *gojq.Object) {
	for _, kv := range o.KeyVals {
		w.text(kv.KeyString)
		w.queries(false, kv.KeyQuery, kv.Val)
	}
}

func (w *rewriter) conditional(i *gojq.If, path bool) {
	w.query(i.Cond, false)
	for _, e := range i.Elif {
		w.query(e.Cond, false)
		w.query(e.Then, path)
	}
	w.queries(path, i.Then, i.Else)
}

func (w *rewriter) loop(source *gojq.Query, ps []*gojq.Pattern, path bool, parts ...*gojq.Query) {
	w.query(source, false)
	for _, p := range ps {
		w.pattern(p)
	}
	w.queries(path, parts...)
}

func (w *rewriter) pattern(p *gojq.Pattern) {
	if p == nil {
		return
	}
	for _, e := range p.Array {
		w.pattern(e)
	}
	for _, o := range p.Object {
		w.text(o.KeyString)
		w.query(o.KeyQuery, false)
		w.pattern(o.Val)
	}
}
