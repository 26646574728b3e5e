package jq

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/easgate/easgate/internal/query"
)

// A restorer makes query values of gojq's, and gives objects back the order of their keys.
type restorer struct {
	data query.Value // what the query saw
	in   any         // the same, as gojq saw it
	// order is the keys of the query's constructors.
	order []string
	// exact: integers beyond 2⁵³ keep their digits.
	exact bool

	objects map[uintptr]*query.Object // by the map that gojq saw; nil until needed
	rank    map[string]int            // of data's keys, by their first appearance
	parsed  []any                     // what fromjson made: a map that goes leaves its place in objects to another
}

// value converts each type that gojq documents; it is an error for any other.
func (r *restorer) value(v any) (query.Value, error) {
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case string:
		return strings.ToValidUTF8(v, "\ufffd"), nil
	case int:
		return r.integer(big.NewInt(int64(v))), nil
	case *big.Int:
		return r.integer(v), nil
	case float64:
		if math.IsNaN(v) {
			return nil, nil // as jq prints it
		}
		return finite(v), nil
	case json.Number:
		n, err := query.FromGo(v)
		if i, ok := n.(query.Integer); ok {
			return r.integer(i.Big()), nil
		}
		return n, err
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = r.value(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		return r.object(v)
	}
	return nil, fmt.Errorf("jq: unexpected %T", v)
}

// integer is a float64 where that is exact or jq 1.6 is to be followed, which knows no other numbers.
func (r *restorer) integer(n *big.Int) query.Value {
	v, err := query.FromInt(n)
	if _, small := v.(float64); small || r.exact && err == nil {
		return v
	}
	f, _ := n.Float64()
	return finite(f)
}

// finite is how jq prints infinities.
func finite(f float64) float64 {
	return max(-math.MaxFloat64, min(f, math.MaxFloat64))
}

func (r *restorer) object(m map[string]any) (query.Value, error) {
	if len(m) == 0 {
		return &query.Object{}, nil
	}
	if o, ok := r.original(m); ok {
		return o, nil
	}
	keys := r.keys(m)
	vals := make([]query.Value, len(keys))
	for i, k := range keys {
		var err error
		if vals[i], err = r.value(m[k]); err != nil {
			return nil, err
		}
		keys[i] = strings.ToValidUTF8(k, "\ufffd")
	}
	return query.ObjectOf(keys, vals), nil
}

// original returns the object that m stands for, if it is one of the data's.
func (r *restorer) original(m map[string]any) (*query.Object, bool) {
	r.start()
	o, ok := r.objects[reflect.ValueOf(m).Pointer()]
	return o, ok
}

func (r *restorer) start() {
	if r.objects == nil {
		r.objects, r.rank = make(map[uintptr]*query.Object), make(map[string]int)
		r.remember(r.data, r.in)
	}
}

// keys returns m's keys in the order in which jq would have them, as far as that can be told.
func (r *restorer) keys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	if o, ok := r.original(m); ok {
		for i := range o.Len() {
			k, _ := o.At(i)
			if _, there := m[k]; there {
				keys = append(keys, k)
			}
		}
		return keys
	}
	constructed := true
	for k := range m {
		keys = append(keys, k)
		constructed = constructed && slices.Contains(r.order, k)
	}
	// An object that a constructor may have made has its order; another one came from the data, and may have
	// gained keys.
	place := func(k string) int {
		if i, ok := r.rank[k]; ok && !constructed {
			return i
		}
		if i := slices.Index(r.order, k); i >= 0 {
			return len(r.rank) + i
		}
		return math.MaxInt
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	return keys
}

// remember notes which map stands for which object: gojq copies what it changes.
func (r *restorer) remember(v query.Value, seen any) {
	switch seen := seen.(type) {
	case []any:
		for i, e := range v.([]any) {
			r.remember(e, seen[i])
		}
	case map[string]any:
		o := v.(*query.Object)
		r.objects[reflect.ValueOf(seen).Pointer()] = o
		for i := range o.Len() {
			k, e := o.At(i)
			if _, ok := r.rank[k]; !ok {
				r.rank[k] = len(r.rank)
			}
			r.remember(e, seen[k])
		}
	}
}

// literalKeys returns the keys of the object constructors in q, each once, as they stand.
func literalKeys(q *gojq.Query) []string {
	var keys []string
	_ = visit(q, func(node any) error {
		kv, ok := node.(*gojq.ObjectKeyVal)
		if !ok {
			return nil
		}
		k := strings.TrimPrefix(kv.Key, "$")
		if kv.KeyString != nil && kv.KeyString.Queries == nil {
			k = kv.KeyString.Str
		}
		if k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
		return nil
	})
	return keys
}
