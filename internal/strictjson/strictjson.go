// Package strictjson decodes JSON into typed configuration and says where it went wrong: every error begins with the
// path of the member it is about, and a member that the type has no field for does not go unnoticed: it is an error to
// [Unmarshal], while callers of [Decode] and [UnknownFields] choose.
//
// Values are never part of an error, because configuration holds passwords.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Unmarshal decodes raw into v as encoding/json does, then refuses what v has no field for.
// All unknown members are reported at once.
func Unmarshal(raw []byte, v any) error {
	if err := Decode(raw, v); err != nil {
		return err
	}
	var unknown []error
	for _, path := range UnknownFields(raw, reflect.TypeOf(v).Elem()) {
		unknown = append(unknown, fmt.Errorf("%s: unknown option", path))
	}
	return errors.Join(unknown...)
}

// Decode decodes raw into v as encoding/json does, unknown members included.
func Decode(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return locate(raw, reflect.TypeOf(v).Elem(), "", err)
	}
	return nil
}

// UnknownFields returns the paths of the object members in raw that a value of type t has no field for, but for those
// named in known at the top level. It looks into structs that decode themselves if their fields have JSON names.
func UnknownFields(raw []byte, t reflect.Type, known ...string) []string {
	var unknown []string
	walk(raw, t, "", func(path string, t reflect.Type, _ json.RawMessage) {
		if t == nil && !slices.Contains(known, path) {
			unknown = append(unknown, path)
		}
	})
	return unknown
}

// locate finds the innermost member that does not decode, for err of the whole.
func locate(raw []byte, t reflect.Type, path string, err error) error {
	found, at := err, path
	walk(raw, t, path, func(p string, t reflect.Type, raw json.RawMessage) {
		if t == nil || (at != path && !strings.HasPrefix(p, at)) {
			return
		}
		if e := json.Unmarshal(raw, reflect.New(t).Interface()); e != nil {
			found, at = e, p
		}
	})
	var te *json.UnmarshalTypeError
	var se *json.SyntaxError
	switch {
	case errors.As(found, &te):
		found = fmt.Errorf("want %s, got %s", kind(te.Type), te.Value)
	case errors.As(found, &se):
		// The text of a syntax error names one character at most.
		found = fmt.Errorf("line %d: %w", 1+bytes.Count(raw[:min(int(se.Offset), len(raw))], []byte("\n")), found)
	}
	if at == "" {
		return found
	}
	return fmt.Errorf("%s: %w", at, found)
}

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	}
	return "a number"
}

// walk calls visit for every member in raw, outer ones first, with the type that it decodes into; nil when there is none.
func walk(raw []byte, t reflect.Type, path string, visit func(string, reflect.Type, json.RawMessage)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if opaque(t) {
		return
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			p := name
			if path != "" {
				p = path + "." + name
			}
			var mt reflect.Type
			if t.Kind() == reflect.Map {
				mt = t.Elem()
			} else if mt = field(t, name); mt == nil {
				visit(p, nil, nil)
				continue
			}
			visit(p, mt, members[name])
			walk(members[name], mt, p, visit)
		}
	case reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil {
			return
		}
		for i, e := range elements {
			p := fmt.Sprintf("%s[%d]", path, i)
			visit(p, t.Elem(), e)
			walk(e, t.Elem(), p, visit)
		}
	}
}

// opaque reports whether t decodes itself into fields that are no members of its JSON.
func opaque(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) && (t.Kind() != reflect.Struct ||
		!slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return name != "" && name != "-"
		}))
}

// field returns the type of t's field that encoding/json would decode the member name into, nil if there is none.
func field(t reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" || (f.Anonymous && tag == "") {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if strings.EqualFold(tag, name) {
			return f.Type
		}
	}
	return nil
}
