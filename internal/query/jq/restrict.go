package jq

import (
	"errors"
	"fmt"

	"github.com/itchyny/gojq"
)

const (
	// maxRestricted bounds the text of a stranger's query, in bytes.
	maxRestricted = 1024
	// maxCopies is how many places of a stranger's query may use a value twice: commas, sums, members of
	// constructors, interpolations. Each of them doubles what the one before made.
	maxCopies = 16
)

// allowed are the functions, by their number of arguments, that strangers may call: none loops, recurses by
// more than the data's depth, updates or sees anything but its input.
var allowed = map[string][]int{
	"empty": {0}, "not": {0}, "length": {0}, "keys": {0}, "keys_unsorted": {0}, "values": {0}, "type": {0}, "add": {0},
	"has": {1}, "select": {1}, "map": {1}, "first": {0, 1}, "last": {0, 1}, "nth": {1}, "any": {0, 1}, "all": {0, 1},
	"isempty": {1}, "ascii_downcase": {0}, "ascii_upcase": {0}, "ltrimstr": {1}, "rtrimstr": {1}, "startswith": {1},
	"endswith": {1}, "contains": {1}, "inside": {1}, "index": {1}, "rindex": {1}, "split": {1}, "join": {1},
	"test": {1, 2}, "tostring": {0}, "tonumber": {0}, "fromjson": {0}, "to_entries": {0}, "from_entries": {0},
	"strings": {0}, "numbers": {0}, "booleans": {0}, "arrays": {0}, "objects": {0}, "nulls": {0}, "scalars": {0},
	"unique": {0}, "sort": {0}, "reverse": {0}, "min": {0}, "max": {0}, "floor": {0}, "error": {0},
}

// restrict reports what in q a stranger may not use.
func restrict(q *gojq.Query) error {
	r := restriction{copies: maxCopies}
	return r.query(q)
}

type restriction struct{ copies int }

func (r *restriction) copy(n int) error {
	if r.copies -= n; r.copies < 0 {
		return errors.New("too many constructors, commas and sums")
	}
	return nil
}

func (r *restriction) query(q *gojq.Query) error {
	if q == nil {
		return nil
	}
	if q.Meta != nil || len(q.Imports) > 0 || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return errors.New("definitions and variables are not available")
	}
	switch q.Op {
	case 0, gojq.OpPipe, gojq.OpSub, gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe,
		gojq.OpAnd, gojq.OpOr, gojq.OpAlt:
	case gojq.OpComma, gojq.OpAdd:
		if err := r.copy(1); err != nil {
			return err
		}
	default:
		return fmt.Errorf("operator %s is not available", q.Op)
	}
	if q.Term != nil {
		if err := r.term(q.Term); err != nil {
			return err
		}
	}
	return r.queries(q.Left, q.Right)
}

func (r *restriction) queries(qs ...*gojq.Query) error {
	for _, q := range qs {
		if err := r.query(q); err != nil {
			return err
		}
	}
	return nil
}

func (r *restriction) term(t *gojq.Term) error {
	for _, s := range t.SuffixList {
		if err := r.index(s.Index); err != nil {
			return err
		}
	}
	switch t.Type {
	case gojq.TermTypeIdentity, gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
		return nil
	case gojq.TermTypeIndex:
		return r.index(t.Index)
	case gojq.TermTypeFunc:
		return r.call(t.Func)
	case gojq.TermTypeObject:
		return r.object(t.Object)
	case gojq.TermTypeArray:
		if err := r.copy(1); err != nil {
			return err
		}
		return r.query(t.Array.Query)
	case gojq.TermTypeUnary:
		return r.term(t.Unary.Term)
	case gojq.TermTypeFormat, gojq.TermTypeString:
		return r.text(t.Str)
	case gojq.TermTypeIf:
		return r.conditional(t.If)
	case gojq.TermTypeTry:
		return r.queries(t.Try.Body, t.Try.Catch)
	case gojq.TermTypeQuery:
		return r.query(t.Query)
	}
	return errors.New("loops, labels and recursion are not available")
}

func (r *restriction) call(f *gojq.Func) error {
	for _, n := range allowed[f.Name] {
		if n == len(f.Args) {
			return r.queries(f.Args...)
		}
	}
	return fmt.Errorf("%s/%d is not available", f.Name, len(f.Args))
}

func (r *restriction) index(i *gojq.Index) error {
	if i == nil {
		return nil
	}
	if err := r.text(i.Str); err != nil {
		return err
	}
	return r.queries(i.Start, i.End)
}

func (r *restriction) text(s *gojq.String) error {
	if s == nil {
		return nil
	}
	if err := r.copy(len(s.Queries)); err != nil {
		return err
	}
	return r.queries(s.Queries...)
}

func (r *restriction) object(o *gojq.Object) error {
	if err := r.copy(len(o.KeyVals)); err != nil {
		return err
	}
	for _, kv := range o.KeyVals {
		if len(kv.Key) > 0 && kv.Key[0] == '$' {
			return errors.New("variables are not available")
		}
		if err := r.text(kv.KeyString); err != nil {
			return err
		}
		if err := r.queries(kv.KeyQuery, kv.Val); err != nil {
			return err
		}
	}
	return nil
}

func (r *restriction) conditional(i *gojq.If) error {
	for _, e := range i.Elif {
		if err := r.queries(e.Cond, e.Then); err != nil {
			return err
		}
	}
	return r.queries(i.Cond, i.Then, i.Else)
}
