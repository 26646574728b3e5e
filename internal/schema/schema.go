package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins"
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
	entry := members(&jsonschema.Schema{Type: "object", Required: []string{"type"}}, "type",
		described(&jsonschema.Schema{Enum: anys(types)},
			"Type of the plugin. Plugins are tried in order; the first that allows wins."))
	defs := jsonschema.Definitions{"plugin": entry, "rules": rules(), "rule": rule(), "pcb": pcb(), "header": m.header(),
		"headers": headerMap()}
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
	if t == reflect.TypeFor[plugins.Secret]() {
		return &jsonschema.Schema{Type: "string", WriteOnly: true}
	}
	if !t.Implements(reflect.TypeFor[strictjson.Describer]()) {
		return nil
	}
	s := &jsonschema.Schema{}
	if err := json.Unmarshal([]byte(reflect.Zero(t).Interface().(strictjson.Describer).Schema()), s); err != nil {
		panic(fmt.Sprintf("%v: schema: %v", t, err)) // a constant of the type's package
	}
	return s
}

// tagged adds what the tags of t's fields say; see package plugins.
func tagged(s *jsonschema.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	for name, f := range strictjson.Fields(t) {
		p, there := s.Properties.Get(name)
		if !there {
			continue
		}
		if enum := strictjson.EnumOf(f); enum != nil {
			restrict(p, anys(append(enum[:len(enum):len(enum)], "")))
		}
		if example := f.Tag.Get("example"); example != "" {
			p.Examples = []any{example}
		}
		mark := f.Tag.Get("secret")
		p.WriteOnly = p.WriteOnly || mark != "" && mark != "false"
		inner := p
		if p.Items != nil {
			inner = p.Items
		}
		if inner.Properties != nil {
			tagged(inner, f.Type)
		}
	}
}

// restrict makes the texts in s, or those in lists in it, these.
func restrict(s *jsonschema.Schema, enum []any) {
	if s.Type == "string" {
		s.Enum = enum
	}
	for _, one := range append(s.AnyOf, s.Items) {
		if one != nil {
			restrict(one, enum)
		}
	}
}

// plugin is an entry of one type: its own options and what every entry has.
func (m *maker) plugin(name string, config reflect.Type) *jsonschema.Schema {
	s := m.config(config)
	s.Title = name
	s.Properties.Set("type", &jsonschema.Schema{Const: name})
	s.Properties.Set("pcb", described(ref("pcb"), "Rules that steer the order of the plugins."))
	s.Properties.Set("custom_service_headers",
		described(ref("headers"), "Headers for the upstream when this plugin decides to allow."))
	s.Properties.Set("custom_error_headers",
		described(ref("headers"), "Headers for the client when this plugin decides to deny."))
	s.Required = append([]string{"type"}, s.Required...)
	return s
}

func (m *maker) config(config reflect.Type) *jsonschema.Schema {
	s := m.ReflectFromType(config)
	s.Version, s.Definitions = "", nil
	tagged(s, config)
	return s
}

// header is an entry of custom_service_headers.
func (m *maker) header() *jsonschema.Schema {
	s := m.config(reflect.TypeFor[headers.Config]())
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
