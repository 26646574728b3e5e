package jsonpath

import "github.com/easgate/easgate/internal/query"

// The reference asks `key in value` and value[key], so names of JavaScript's prototypes are found everywhere.
// These are the names of Node 20.

func inObjectPrototype(name string) bool {
	switch name {
	case "constructor", "__defineGetter__", "__defineSetter__", "hasOwnProperty", "__lookupGetter__", "__lookupSetter__",
		"isPrototypeOf", "propertyIsEnumerable", "toString", "valueOf", "__proto__", "toLocaleString":
		return true
	}
	return false
}

func inArrayPrototype(name string) bool {
	switch name {
	case "at", "concat", "copyWithin", "fill", "find", "findIndex", "findLast", "findLastIndex", "lastIndexOf", "pop",
		"push", "reverse", "shift", "unshift", "slice", "sort", "splice", "includes", "indexOf", "join", "keys",
		"entries", "values", "forEach", "filter", "flat", "flatMap", "map", "every", "some", "reduce", "reduceRight",
		"toReversed", "toSorted", "toSpliced", "with":
		return true
	}
	return inObjectPrototype(name)
}

func inStringPrototype(name string) bool {
	switch name {
	case "anchor", "at", "big", "blink", "bold", "charAt", "charCodeAt", "codePointAt", "concat", "endsWith",
		"fontcolor", "fontsize", "fixed", "includes", "indexOf", "isWellFormed", "italics", "lastIndexOf", "link",
		"localeCompare", "match", "matchAll", "normalize", "padEnd", "padStart", "repeat", "replace", "replaceAll",
		"search", "slice", "small", "split", "strike", "sub", "substr", "substring", "sup", "startsWith",
		"toWellFormed", "trim", "trimStart", "trimLeft", "trimEnd", "trimRight", "toLocaleLowerCase",
		"toLocaleUpperCase", "toLowerCase", "toUpperCase":
		return true
	}
	return inObjectPrototype(name)
}

func inNumberPrototype(name string) bool {
	switch name {
	case "toExponential", "toFixed", "toPrecision":
		return true
	}
	return inObjectPrototype(name)
}

// A method is a function of a prototype: claims are called sub, link and at, too, and a filter meets strings that have
// methods of these names.
type method struct{ of, name string }

func methodOf(of, name string) (query.Value, error) {
	switch name {
	case "constructor", "__proto__":
		return nil, errFunction
	case "trimLeft":
		name = "trimStart"
	case "trimRight":
		name = "trimEnd"
	}
	return method{of, name}, nil
}

func (m method) String() string { return "function " + m.name + "() { [native code] }" }

func truthy(v query.Value) bool {
	_, ok := v.(method)
	return ok || query.Truthy(v)
}

func looseEqual(a, b query.Value) (bool, error) {
	m, ok := a.(method)
	if !ok {
		if _, ok = b.(method); !ok {
			return query.LooseEqual(a, b)
		}
		return looseEqual(b, a)
	}
	if s, ok := b.(string); ok {
		return m.String() == s, nil
	}
	return query.StrictEqual(a, b), nil
}
