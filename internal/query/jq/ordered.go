package jq

import "github.com/itchyny/gojq"

// Functions of rewritten queries that walk objects in the order of their keys, which gojq does not know. Their
// argument is orderName, the variable that holds an evaluation's restorer.
const (
	orderName    = "$__easgate_order"
	eachName     = "_easgate_each"     // .[]
	recurseName  = "_easgate_recurse"  // ..
	entriesName  = "_easgate_entries"  // to_entries
	valuesName   = "_easgate_values"   // [.[]] for objects, . for others
	keysName     = "_easgate_keys"     // keys_unsorted
	toJSONName   = "_easgate_tojson"   // tojson
	toStringName = "_easgate_tostring" // tostring
)

func withOrder(name string, f func(r *restorer, v any) any) gojq.CompilerOption {
	return gojq.WithFunction(name, 1, 1, func(v any, args []any) any { return f(args[0].(*restorer), v) })
}

// orderedFuncs are these functions, bounded by limit bytes.
func orderedFuncs(limit int) []gojq.CompilerOption {
	return []gojq.CompilerOption{
		gojq.WithVariables([]string{orderName}),
		gojq.WithIterFunction(eachName, 1, 1, func(v any, args []any) gojq.Iter { return args[0].(*restorer).each(v) }),
		gojq.WithIterFunction(recurseName, 1, 1, func(v any, args []any) gojq.Iter {
			all, left := args[0].(*restorer).recurse(nil, v, limit)
			if left < 0 {
				return gojq.NewIter[any](errGuard)
			}
			return gojq.NewIter(all...)
		}),
		withOrder(entriesName, (*restorer).entries),
		withOrder(valuesName, (*restorer).values),
		withOrder(keysName, (*restorer).unsorted),
		withOrder(toJSONName, func(r *restorer, v any) any { return r.tojson(v, limit) }),
		withOrder(toStringName, func(r *restorer, v any) any {
			if _, ok := v.(string); ok {
				return v
			}
			return r.tojson(v, limit)
		}),
	}
}

func (r *restorer) each(v any) gojq.Iter {
	switch v := v.(type) {
	case []any:
		return gojq.NewIter(v...)
	case map[string]any:
		values, _ := r.values(v).([]any)
		return gojq.NewIter(values...)
	}
	return gojq.NewIter[any](cannotIterate(v))
}

func (r *restorer) values(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	values := make([]any, 0, len(m))
	for _, k := range r.keys(m) {
		values = append(values, m[k])
	}
	return values
}

// recurse appends v and what is inside it, and returns what is left of limit.
func (r *restorer) recurse(all []any, v any, limit int) ([]any, int) {
	if limit -= 64; limit < 0 {
		return all, limit
	}
	all = append(all, v)
	var inside []any
	switch v := v.(type) {
	case []any:
		inside = v
	case map[string]any:
		inside, _ = r.values(v).([]any)
	}
	for _, e := range inside {
		if all, limit = r.recurse(all, e, limit); limit < 0 {
			break
		}
	}
	return all, limit
}

func (r *restorer) entries(v any) any {
	entries := []any{}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range r.keys(v) {
			entries = append(entries, map[string]any{"key": k, "value": v[k]})
		}
	case []any:
		for i, e := range v {
			entries = append(entries, map[string]any{"key": i, "value": e})
		}
	default:
		return hasNoKeys(v)
	}
	return entries
}

func (r *restorer) unsorted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]any, 0, len(v))
		for _, k := range r.keys(v) {
			keys = append(keys, k)
		}
		return keys
	case []any:
		keys := make([]any, len(v))
		for i := range v {
			keys[i] = i
		}
		return keys
	}
	return hasNoKeys(v)
}

func (r *restorer) tojson(v any, limit int) any {
	b, err := r.appendJSON(nil, v, limit)
	if err != nil {
		return err
	}
	return string(b)
}

func (r *restorer) appendJSON(b []byte, v any, limit int) ([]byte, error) {
	if len(b) > limit {
		return nil, errGuard
	}
	var err error
	switch v := v.(type) {
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = r.appendJSON(b, e, limit); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		b = append(b, '{')
		for i, k := range r.keys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = r.appendJSON(b, k, limit); err != nil {
				return nil, err
			}
			if b, err = r.appendJSON(append(b, ':'), v[k], limit); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
	scalar, err := gojq.Marshal(v)
	return append(b, scalar...), err
}
