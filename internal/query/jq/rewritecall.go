package jq

import (
	"fmt"
	"regexp"

	"github.com/itchyny/gojq"
)

func (w *rewriter) call(t *gojq.Term, path bool) error {
	name := t.Func.Name
	if forbidden[name] {
		return fmt.Errorf("%s is not available", name)
	}
	if w.native && !w.own[name] && len(t.Func.Args) > 0 {
		if err := checkRegexp(t.Func); err != nil {
			return err
		}
	}
	takesPaths := pathFuncs[name] && !w.own[name] || w.paths[name]
	w.usesPaths = w.usesPaths || takesPaths
	// Restricted queries have no paths.
	if err := w.queries(!w.all && (path || takesPaths), t.Func.Args...); err != nil {
		return err
	}
	if !w.own[name] {
		q := inPlace(t.Func)
		if q == nil && !path {
			q = inOrder(t.Func)
		}
		if q != nil {
			w.replace(t, q)
		}
	}
	if w.all {
		w.wrap(t)
	}
	return nil
}

// inPlace returns what stands for a call of f that gojq would answer otherwise than jq 1.6, nil for other calls.
func inPlace(f *gojq.Func) *gojq.Query {
	switch len(f.Args) {
	case 0:
		switch f.Name {
		case "fromjson":
			return ordered(fromJSONName)
		case "tonumber":
			return ordered(toNumberName)
		case "reverse":
			return call(reverseName)
		case "leaf_paths":
			return call("paths", call("scalars"))
		}
	case 1:
		switch f.Name {
		case "ltrimstr":
			return call(trimLeftName, f.Args[0])
		case "rtrimstr":
			return call(trimEndName, f.Args[0])
		}
	}
	return nil
}

// checkRegexp is about a regular expression that stands in a call: that it does not compile would show with the first
// request only.
func checkRegexp(f *gojq.Func) error {
	flags := 1
	switch f.Name {
	case "test", "match", "capture", "scan", "splits":
	case "split":
		if len(f.Args) != 2 {
			return nil
		}
	case "sub", "gsub":
		flags = 2
	default:
		return nil
	}
	args := []*gojq.Query{f.Args[0]}
	if !isLiteral(f.Args[0]) {
		return nil
	}
	if len(f.Args) > flags && isLiteral(f.Args[flags]) {
		args = append(args, f.Args[flags])
	}
	empty := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeString, Str: &gojq.String{}}}
	code, err := gojq.Compile(pipe(empty, call("test", args...)))
	if err != nil {
		return err
	}
	if err, failed := firstOf(code.Run(nil)).(error); failed {
		if _, syntax := regexp.Compile(f.Args[0].Term.Str.Str); syntax != nil {
			err = syntax
		}
		return fmt.Errorf("%s: %w; regular expressions are Go's here, the rule method regex has JavaScript's", f.Name, err)
	}
	return nil
}

func firstOf(iter gojq.Iter) any {
	v, _ := iter.Next()
	return v
}

// isLiteral reports whether q is a text as it stands.
func isLiteral(q *gojq.Query) bool {
	return q.Term != nil && q.Op == 0 && len(q.FuncDefs) == 0 && q.Term.Type == gojq.TermTypeString &&
		q.Term.Str.Queries == nil && len(q.Term.SuffixList) == 0
}

// inOrder returns what stands for a call of f that depends on the order of keys, nil for other calls.
func inOrder(f *gojq.Func) *gojq.Query {
	switch len(f.Args) {
	case 0:
		switch f.Name {
		case "to_entries":
			return ordered(entriesName)
		case "keys_unsorted":
			return ordered(keysName)
		case "tojson":
			return ordered(toJSONName)
		case "tostring":
			return ordered(toStringName)
		case "recurse":
			return ordered(recurseName)
		case "add", "flatten":
			return pipe(ordered(valuesName), call(f.Name))
		}
	case 1:
		switch f.Name {
		case "flatten", "join":
			return pipe(ordered(valuesName), call(f.Name, f.Args[0]))
		case "map":
			list := &gojq.Term{Type: gojq.TermTypeArray, Array: &gojq.Array{Query: pipe(ordered(eachName), f.Args[0])}}
			return guarded(&gojq.Query{Term: list})
		case "with_entries":
			return pipe(ordered(entriesName), pipe(call("map", f.Args[0]), call("from_entries")))
		}
	}
	return nil
}
