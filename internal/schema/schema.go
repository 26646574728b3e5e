package schema

import (
	_ "embed"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
)

// comments.json: package below the module, type and field to the field's description.
//
//go:embed comments.json
var commentsJSON []byte

const module = "github.com/easgate/easgate/"

// ConfigToken returns the JSON Schema (draft 2020-12) of what a config token says, before it is sealed, as strictly as
// sealing reads it: unknown members and plugin types are errors.
func ConfigToken(registry plugins.Registry) (json.RawMessage, error) {
	m, err := newMaker()
	if err != nil {
		return nil, err
	}
	types := slices.Sorted(maps.Keys(registry))
	entry := members(&jsonschema.Schema{Type: "object", Required: []string{"type"}}, "type", described(&jsonschema.Schema{Enum: anys(types)}, "Type of the plugin. Plugins are tried in order; the first that allows wins."))
	defs := jsonschema.Definitions{"plugin": entry, "rules": rules(), "rule": rule(), "pcb": pcb(), "header": m.header(), "headers": headerMap()}
	for _, name := range types {
		defs["plugin_"+name] = m.plugin(name, registry[name].Config)
		entry.AllOf = append(entry.AllOf, &jsonschema.Schema{
			If:   members(&jsonschema.Schema{Required: []string{"type"}}, "type", &jsonschema.Schema{Const: name}),
			Then: ref("plugin_" + name),
		})
	}
	top := claims()
	top.Version, top.Title, top.Definitions = jsonschema.Version, "easgate config token", defs
	return json.MarshalIndent(top, "", "  ")
}

// maker reflects configuration types.
type maker struct{ jsonschema.Reflector }

func newMaker() (*maker, error) {
	var comments map[string]map[string]string
	if err := json.Unmarshal(commentsJSON, &comments); err != nil {
		return nil, err
	}
	return &maker{jsonschema.Reflector{
		Anonymous:      true,
		DoNotReference: true,
		Mapper:         special,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimPrefix(t.PkgPath(), module)+"."+t.Name()][field]
		},
	}}, nil
}

// special are the types that read JSON in a way of their own.
func special(t reflect.Type) *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	switch t {
	case reflect.TypeFor[plugins.Values]():
		one := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "null"}}}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "null"}, {Type: "array", Items: one}}}
	case reflect.TypeFor[plugins.List](), reflect.TypeFor[jwtverify.Strings]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text}}}
	case reflect.TypeFor[jwtverify.Audience]():
		pattern := object([]string{"regex"}, "regex", text)
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			text, pattern, {Type: "array", Items: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, pattern}}},
		}}
	case reflect.TypeFor[jwtverify.Age]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number"}, text}}
	case reflect.TypeFor[bearer.Seconds]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number"}, {Type: "boolean"}}}
	case reflect.TypeFor[jwt.Keys]():
		forms := []*jsonschema.Schema{text, {Type: "object", Required: []string{"keys"}}, {Type: "object", Required: []string{"kty"}}}
		for _, form := range []string{"text", "base64", "base64url", "file"} {
			forms = append(forms, object([]string{form}, form, text, "allow_short", &jsonschema.Schema{Type: "boolean"}))
		}
		return &jsonschema.Schema{AnyOf: forms}
	case reflect.TypeFor[json.RawMessage]():
		return ref("rules") // but for those that override names
	}
	return nil
}

// override says what is in members that a type leaves raw and that are no rules.
var override = map[string]map[string]func() *jsonschema.Schema{
	"noop": {"status_code": func() *jsonschema.Schema {
		status := &jsonschema.Schema{Type: "integer", Minimum: "200", Maximum: "599"}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{status, {Type: "string", Pattern: "^([2-5][0-9][0-9])?$"}, {Enum: []any{false, nil, 0}}}}
	}},
}

// plugin is an entry of one type: its own options and what every entry has.
func (m *maker) plugin(name string, config reflect.Type) *jsonschema.Schema {
	s := m.config(name, config)
	s.Title = name
	s.Properties.Set("type", &jsonschema.Schema{Const: name})
	s.Properties.Set("pcb", described(ref("pcb"), "Rules that steer the order of the plugins."))
	s.Properties.Set("custom_service_headers", described(ref("headers"), "Headers for the upstream when this plugin decides to allow."))
	s.Properties.Set("custom_error_headers", described(ref("headers"), "Headers for the client when this plugin decides to deny."))
	s.Required = append([]string{"type"}, s.Required...)
	return s
}

func (m *maker) config(name string, config reflect.Type) *jsonschema.Schema {
	s := m.ReflectFromType(config)
	s.Version, s.Definitions = "", nil
	for member, schema := range override[name] {
		old, _ := s.Properties.Get(member)
		s.Properties.Set(member, described(schema(), old.Description))
	}
	return s
}

// header is an entry of custom_service_headers.
func (m *maker) header() *jsonschema.Schema {
	s := m.config("", reflect.TypeFor[headers.Config]())
	set := func(member string, as *jsonschema.Schema) {
		old, _ := s.Properties.Get(member)
		s.Properties.Set(member, described(as, old.Description))
	}
	set("source", &jsonschema.Schema{Enum: anys(headers.SourceNames)})
	set("query_engine", &jsonschema.Schema{Enum: anys(append(engines(), "static"))})
	set("query", &jsonschema.Schema{})
	set("encoding", &jsonschema.Schema{Enum: anys(append([]string{""}, headers.Encodings...))})
	return s
}
