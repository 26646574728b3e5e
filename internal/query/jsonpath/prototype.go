package jsonpath

import (
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// prototypes are what values of a class inherit in JavaScript (Node 20), beside what an Object has. The reference asks
// `key in value` and value[key], so these names are found everywhere.
var prototypes = map[string]map[string]bool{
	"Object": words(`constructor __defineGetter__ __defineSetter__ hasOwnProperty __lookupGetter__ __lookupSetter__
		isPrototypeOf propertyIsEnumerable toString valueOf __proto__ toLocaleString`),
	"Array": words(`at concat copyWithin fill find findIndex findLast findLastIndex lastIndexOf pop push reverse shift
		unshift slice sort splice includes indexOf join keys entries values forEach filter flat flatMap map
		every some reduce reduceRight toReversed toSorted toSpliced with`),
	"String": words(`anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fontcolor fontsize fixed
		includes indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize padEnd
		padStart repeat replace replaceAll search slice small split strike sub substr substring sup
		startsWith toWellFormed trim trimStart trimLeft trimEnd trimRight toLocaleLowerCase
		toLocaleUpperCase toLowerCase toUpperCase`),
	"Number": words(`toExponential toFixed toPrecision`),
}

func words(text string) map[string]bool {
	names := make(map[string]bool)
	for _, name := range strings.Fields(text) {
		names[name] = true
	}
	return names
}

func inherits(class, name string) bool { return prototypes["Object"][name] || prototypes[class][name] }

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
