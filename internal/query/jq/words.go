package jq

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/itchyny/gojq"
)

// A fault is an error of a query in jq's words, free of data.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) fault { return fault(fmt.Sprintf(format, args...)) }

// runtimeError says in jq's words what became of an evaluation, without the data that gojq's messages quote.
func runtimeError(err error) error {
	switch {
	case errors.Is(err, errGuard):
		return ErrMemory
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("jq: %s", words(err))
}

// words describes an error of gojq's, whose types are its own secret, by what it was made of: the name of a function
// and the types of values.
func words(err error) string {
	var own fault
	if errors.As(err, &own) {
		return string(own)
	}
	kind, name, types := anatomy(err)
	switch {
	case kind == "tryEndError" && errors.Unwrap(err) != nil:
		return words(errors.Unwrap(err))
	case kind == "lengthMismatchError":
		return "keys and values differ in number"
	case kind == "objectKeyNotStringError":
		return "Object keys must be strings"
	case kind == "exitCodeError":
		return "error() was called"
	case kind == "arrayIndexNegativeError":
		return "Out of bounds negative array index"
	case kind == "expectedStartEndError":
		return "Start and end indices of an array slice must be numbers"
	case strings.Contains(err.Error(), "regular expression"):
		return "not a regular expression, or not with these flags"
	case len(types) == 0:
		return "cannot be evaluated"
	}
	of := types[0]
	switch kind {
	case "iteratorError":
		return "Cannot iterate over " + of
	case "expectedObjectError":
		return "Cannot index " + of + " with a key"
	case "expectedArrayError":
		return "Cannot index " + of + " with a number"
	case "arrayIndexNotNumberError":
		return "Cannot index array with " + of
	case "stringIndexNotNumberError":
		return "Cannot index string with " + of
	case "invalidPathError", "invalidPathIterError":
		return "Invalid path expression with " + of
	case "unaryTypeError":
		return of + " cannot be negated"
	case "zeroDivisionError", "zeroModuloError":
		return "cannot be divided because the divisor is zero"
	case "binopTypeError":
		return cannot(name, of, types[1])
	}
	switch name {
	case "":
		return of + " cannot be used here"
	case "tonumber":
		return of + " cannot be parsed as a number"
	case "keys", "has", "to_entries":
		return of + " has no keys"
	case "test", "match", "capture", "scan", "split", "splits", "sub", "gsub":
		return of + " cannot be matched, as it is not a string"
	}
	return name + " cannot be applied to " + of
}

// anatomy returns the type of err without its package, its member name, and the types of the values that it holds.
func anatomy(err error) (kind, name string, types []string) {
	v := reflect.Indirect(reflect.ValueOf(err))
	kind = v.Type().Name()
	if v.Kind() != reflect.Struct {
		return kind, "", nil
	}
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case v.Type().Field(i).Name == "name" && field.Kind() == reflect.String:
			name = field.String()
		case field.Kind() == reflect.Interface && field.NumMethod() == 0:
			types = append(types, typeOf(field.Elem()))
		}
	}
	return kind, name, types
}

// typeOf is gojq.TypeOf for the inside of a member that is not exported.
func typeOf(v reflect.Value) string {
	if !v.IsValid() {
		return "null"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Float64, reflect.Pointer:
		return "number"
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() {
			return "number"
		}
		return "string"
	case reflect.Slice:
		return "array"
	case reflect.Map:
		return "object"
	}
	return "value"
}

var participles = map[string]string{"add": "added", "subtract": "subtracted", "multiply": "multiplied"}

// cannot says that an operator does not take two types.
func cannot(verb, left, right string) string {
	done, ok := participles[verb]
	if !ok {
		done = "divided"
	}
	return fmt.Sprintf("%s and %s cannot be %s", left, right, done)
}

// cannotIterate and hasNoKeys are what jq says of values of the wrong type.
func cannotIterate(v any) fault { return faultf("Cannot iterate over %s", gojq.TypeOf(v)) }
func hasNoKeys(v any) fault     { return faultf("%s has no keys", gojq.TypeOf(v)) }
