package query

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// An Object is a JSON object that keeps the order of its keys as JavaScript does:
// integer keys first, ascending, then the others as they were set.
// The zero value is an empty object. It is not safe for concurrent writing.
type Object struct {
	// members, if not nil, are all that there is so far.
	members Members
	keys    []string
	vals    []any
	// ints is how many of the leading keys are integers.
	ints int
	// index has the places of the other keys, counted from ints. It is built once there are many of them.
	index map[string]int
	// asSet: integer keys have the places in which they were set; for a [Builder].
	asSet bool
}

const indexFrom = 32

// NewObject returns an object with room for n keys.
func NewObject(n int) *Object {
	return &Object{keys: make([]string, 0, n), vals: make([]any, 0, n)}
}

// ObjectOf returns the object that setting keys[i] to vals[i] in turn would make, and keeps both slices. Unlike that,
// it takes no more time for integer keys in a bad order, which a client may choose.
func ObjectOf(keys []string, vals []Value) *Object {
	type entry struct {
		key string
		val any
		n   uint32
	}
	var ints []entry
	var seen map[uint32]int
	rest := &Object{keys: keys[:0], vals: vals[:0]}
	for i, k := range keys {
		n, ok := arrayIndex(k)
		if !ok {
			// What is written here has been read: rest never grows past i.
			rest.Set(k, vals[i])
			continue
		}
		if at, again := seen[n]; again {
			ints[at].val = vals[i]
			continue
		}
		if seen == nil {
			seen = map[uint32]int{}
		}
		seen[n] = len(ints)
		ints = append(ints, entry{k, vals[i], n})
	}
	if len(ints) == 0 {
		return rest
	}
	slices.SortFunc(ints, func(a, b entry) int { return cmp.Compare(a.n, b.n) })
	o := NewObject(len(ints) + rest.Len())
	for _, e := range ints {
		o.keys, o.vals = append(o.keys, e.key), append(o.vals, e.val)
	}
	o.keys, o.vals = append(o.keys, rest.keys...), append(o.vals, rest.vals...)
	o.ints, o.index = len(ints), rest.index
	return o
}

// A Builder makes an object of keys that a stranger may have chosen, in time proportional to their number. The zero
// value is ready to use.
type Builder struct{ o Object }

// Get returns the value of key, and whether it was set.
func (b *Builder) Get(key string) (Value, bool) { return b.o.Get(key) }

// Set sets key to v.
func (b *Builder) Set(key string, v Value) {
	b.o.asSet = true
	b.o.Set(key, v)
}

// Object returns what was set. The builder is not used after it.
func (b *Builder) Object() *Object { return ObjectOf(b.o.keys, b.o.vals) }

// Members describe an object that is built only as far as somebody looks at it.
type Members interface {
	// Member returns the value of key, and whether it is there, as the object of All has it.
	Member(key string) (Value, bool)
	// All returns the whole object, which becomes its caller's.
	All() *Object
}

// Lazy returns an object of m's members. It is for one goroutine, which may only read it.
func Lazy(m Members) Object { return Object{members: m} }

// Collect returns the object of those keys that m has, in this order, for Members that know theirs in advance.
func Collect(m Members, keys ...string) *Object {
	o := NewObject(len(keys))
	for _, key := range keys {
		if v, ok := m.Member(key); ok {
			o.keys, o.vals = append(o.keys, key), append(o.vals, v) // each once, and none an integer
		}
	}
	return o
}

// built returns o after building all its members.
func (o *Object) built() *Object {
	if o.members != nil {
		*o = *o.members.All()
	}
	return o
}

// Len returns the number of keys.
func (o *Object) Len() int { return len(o.built().keys) }

// At returns the i-th key and its value, in JavaScript's order.
func (o *Object) At(i int) (string, Value) {
	o.built()
	return o.keys[i], o.vals[i]
}

// find returns the place of key, or where it belongs and false.
func (o *Object) find(key string) (int, bool) {
	if n, ok := arrayIndex(key); ok && !o.asSet {
		return slices.BinarySearchFunc(o.keys[:o.ints], n, func(k string, n uint32) int {
			m, _ := arrayIndex(k)
			return cmp.Compare(m, n)
		})
	}
	i := -1
	if o.index == nil {
		i = slices.Index(o.keys[o.ints:], key)
	} else if at, ok := o.index[key]; ok {
		i = at
	}
	if i < 0 {
		return len(o.keys), false
	}
	return o.ints + i, true
}

// Get returns the value of key, and whether it is there.
func (o *Object) Get(key string) (Value, bool) {
	if o.members != nil {
		return o.members.Member(key)
	}
	if i, ok := o.find(key); ok {
		return o.vals[i], true
	}
	return Undefined{}, false
}

// Set sets key to v. An existing key keeps its place. A new integer key takes time for each that comes after it: where
// a stranger chooses the keys, use a [Builder].
func (o *Object) Set(key string, v Value) {
	i, ok := o.built().find(key)
	if ok {
		o.vals[i] = v
		return
	}
	o.keys = slices.Insert(o.keys, i, key)
	o.vals = slices.Insert(o.vals, i, v)
	if _, isInt := arrayIndex(key); isInt && !o.asSet {
		o.ints++
		return
	}
	switch n := len(o.keys) - o.ints; {
	case o.index != nil:
		o.index[key] = n - 1
	case n >= indexFrom:
		o.index = make(map[string]int, 2*n)
		for i, k := range o.keys[o.ints:] {
			o.index[k] = i
		}
	}
}

// arrayIndex reports whether key is a canonical array index (ECMA-262 §6.1.7): 0 … 2³²−2, no leading zero.
func arrayIndex(key string) (uint32, bool) {
	if key == "" || len(key) > 10 || key[0] < '0' || key[0] > '9' || (key[0] == '0' && len(key) > 1) {
		return 0, false
	}
	n, err := strconv.ParseUint(key, 10, 32)
	return uint32(n), err == nil && n < math.MaxUint32
}

// MarshalJSON writes o as JSON.stringify would.
func (o *Object) MarshalJSON() ([]byte, error) { return AppendJSON(nil, o) }
