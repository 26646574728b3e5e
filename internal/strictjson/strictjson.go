// Package strictjson decodes JSON into typed configuration and says where it went wrong: every error begins with the
// path of the member it is about, and a member that the type has no field for does not go unnoticed: it is an error to
// [Unmarshal], while callers of [Decode] choose. All that is wrong is said at once.
//
// A field's tag enum:"a,b,c", or its type as an [Enum], lists the texts that its member may be, and "" stands for none
// of them; another is as odd as an unknown member.
//
// Names are exact: encoding/json would take "Realm" for "realm", which is not what the writer's other tools do, and of
// the two in one object the later one would count.
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

	"github.com/easgate/easgate/internal/problem"
)

// Unmarshal decodes raw into v, a pointer, and refuses what v has no field for.
func Unmarshal(raw []byte, v any) error {
	unknown, err := Decode(raw, v)
	if err != nil {
		return err
	}
	return errors.Join(unknown...)
}

// Decode decodes raw into v, a pointer, and returns an error for each object member that v has no field for, but for
// those at the top level that others read, and for each that is none of its enum. It looks into structs that decode
// themselves if their fields have JSON names.
func Decode(raw []byte, v any, others ...string) (unknown []error, err error) {
	t := reflect.TypeOf(v).Elem()
	folded := false
	walk(raw, t, "", func(in string, m *member) {
		if m.t != nil {
			unknown = append(unknown, problem.At(join(in, m.place), m.choice()))
			return
		}
		if in == "" && slices.Contains(others, m.name) {
			return
		}
		unknown = append(unknown, problem.At(in, problem.UnknownMember(m.name, m.fields...)))
		folded = folded || m.folds()
	})
	if folded {
		raw = exact(raw, t)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, locate(raw, t, err)
	}
	return slices.DeleteFunc(unknown, func(err error) bool { return err == nil }), nil
}

// exact returns raw without the members that encoding/json would take for a field of another spelling.
func exact(raw []byte, t reflect.Type) []byte {
	members := membersOf(raw, t)
	if len(members) == 0 {
		return raw
	}
	isList := bytes.HasPrefix(bytes.TrimSpace(raw), []byte("["))
	list, object := []json.RawMessage{}, map[string]json.RawMessage{}
	for _, m := range members {
		if m.t != nil {
			m.raw = exact(m.raw, m.t)
		}
		if isList {
			list = append(list, m.raw)
		} else if !m.folds() {
			object[m.name] = m.raw
		}
	}
	var rewritten any = object
	if isList {
		rewritten = list
	}
	out, err := json.Marshal(rewritten)
	if err != nil {
		return raw // what is no JSON does not come this far
	}
	return out
}

// locate finds the innermost members that do not decode, for err of the whole.
func locate(raw []byte, t reflect.Type, whole error) error {
	type fault struct {
		path string
		err  error
	}
	faults := []fault{{"", whole}}
	failed := map[string]bool{"": true}
	walk(raw, t, "", func(in string, m *member) {
		if m.t == nil || !failed[in] {
			return
		}
		err := json.Unmarshal(m.raw, reflect.New(m.t).Interface())
		if err == nil {
			return
		}
		if last := len(faults) - 1; faults[last].path == in { // what is around it fails because of it
			faults = faults[:last]
		}
		path := join(in, m.place)
		failed[path] = true
		faults = append(faults, fault{path, err})
	})
	var errs []error
	for _, f := range faults {
		errs = append(errs, problem.At(f.path, describe(raw, f.err)))
	}
	return errors.Join(errs...)
}

// describe says in the words of configuration what encoding/json says in those of Go.
func describe(raw []byte, err error) error {
	var te *json.UnmarshalTypeError
	var se *json.SyntaxError
	switch {
	case errors.As(err, &te):
		return fmt.Errorf("want %s, got %s", kind(te.Type), te.Value)
	case errors.As(err, &se):
		// The text of a syntax error names one character at most.
		return fmt.Errorf("line %d: %w", 1+bytes.Count(raw[:min(int(se.Offset), len(raw))], []byte("\n")), err)
	}
	return err
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

// A member is one of an object or a list.
type member struct {
	// name is that in an object, "" in a list; place is what is put behind the path of the whole.
	name, place string
	raw         json.RawMessage
	// t is the type that it decodes into; nil when there is none. fields are those that there are then.
	t      reflect.Type
	fields []string
	// enum are the texts that the value may be, or that its elements may be; none for any.
	enum []string
}

// choice returns an error for each text in m that its enum does not list. No text is no choice.
func (m *member) choice() error {
	if m.enum == nil {
		return nil
	}
	one := func(path string, raw json.RawMessage) error {
		var s string
		if json.Unmarshal(raw, &s) != nil || s == "" || slices.Contains(m.enum, s) {
			return nil // another type is an error of the decoding
		}
		return problem.At(path, problem.Suggest(errors.New("want "+problem.OneOf(m.enum)), s, m.enum...))
	}
	var list []json.RawMessage
	if json.Unmarshal(m.raw, &list) != nil {
		return one("", m.raw)
	}
	var errs []error
	for i, e := range list {
		errs = append(errs, one(fmt.Sprintf("[%d]", i), e))
	}
	return errors.Join(errs...)
}

// folds reports whether encoding/json would take m for a field that is spelled otherwise.
func (m *member) folds() bool {
	return slices.ContainsFunc(m.fields, func(f string) bool { return strings.EqualFold(f, m.name) })
}

// walk calls visit for every member in raw, outer ones first, and with the path of what it is in.
func walk(raw []byte, t reflect.Type, in string, visit func(in string, m *member)) {
	for _, m := range membersOf(raw, t) {
		visit(in, &m)
		if m.t != nil {
			walk(m.raw, m.t, join(in, m.place), visit)
		}
	}
}

func join(path, place string) string {
	if path == "" || strings.HasPrefix(place, "[") {
		return path + place
	}
	return path + "." + place
}

// membersOf returns the members of raw as a value of type t has them, sorted by name.
func membersOf(raw []byte, t reflect.Type) []member {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if opaque(t) {
		return nil
	}
	var list []member
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil
		}
		var known map[string]reflect.StructField
		if t.Kind() == reflect.Struct {
			known = Fields(t)
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			f := known[name]
			m := member{name: name, place: name, raw: members[name], t: f.Type, enum: EnumOf(f)}
			if t.Kind() == reflect.Map {
				m.t = t.Elem()
			} else if m.t == nil {
				m.fields = slices.Sorted(maps.Keys(known))
			}
			list = append(list, m)
		}
	case reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil {
			return nil
		}
		for i, e := range elements {
			list = append(list, member{place: fmt.Sprintf("[%d]", i), raw: e, t: t.Elem()})
		}
	}
	return list
}

// opaque reports whether t decodes itself into fields that are no members of its JSON.
func opaque(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) && (t.Kind() != reflect.Struct ||
		!slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return name != "" && name != "-"
		}))
}

// A Describer is a type of option that reads JSON in a way of its own. Its zero value says as a JSON Schema what it
// takes.
type Describer interface {
	Schema() string
}

// An Enum is a type whose values are texts, or lists of texts, of those that its zero value lists.
type Enum interface {
	Enum() []string
}

// EnumOf returns the texts that f may be; none for any.
func EnumOf(f reflect.StructField) []string {
	if list := f.Tag.Get("enum"); list != "" {
		return strings.Split(list, ",")
	}
	if f.Type != nil && f.Type.Implements(reflect.TypeFor[Enum]()) {
		return reflect.Zero(f.Type).Interface().(Enum).Enum()
	}
	return nil
}

// Fields returns the fields of a struct, those of embedded ones included, by the names that encoding/json has for them.
// It has none of a type that decodes itself into fields without JSON names, or that is no struct.
func Fields(t reflect.Type) map[string]reflect.StructField {
	all := map[string]reflect.StructField{}
	if t.Kind() != reflect.Struct || opaque(t) {
		return all
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" || (f.Anonymous && tag == "") {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if _, outer := all[tag]; !outer {
			all[tag] = f
		}
	}
	return all
}
