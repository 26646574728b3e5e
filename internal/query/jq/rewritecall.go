package jq

import "github.com/itchyny/gojq"

func (w *rewriter) call(t *gojq.Term, path bool) {
	name := t.Func.Name
	takesPaths := pathFuncs[name] && !w.own[name] || w.paths[name]
	w.usesPaths = w.usesPaths || takesPaths
	// Restricted queries have no paths.
	w.queries(!w.all && (path || takesPaths), t.Func.Args...)
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
