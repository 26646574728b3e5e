package schema

import (
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

// An Option is one member of a plugin's configuration.
type Option struct {
	// Path leads to it: connection.url.
	Path string
	// Takes names the JSON values that it takes.
	Takes string
	// Description is the field's doc comment.
	Description string
	Required    bool
}

// Options lists the options of a plugin with that type of configuration, outer ones before those inside them.
func Options(config reflect.Type) ([]Option, error) {
	m, err := newMaker()
	if err != nil {
		return nil, err
	}
	return walk(nil, "", m.config(config)), nil
}

func walk(list []Option, prefix string, s *jsonschema.Schema) []Option {
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		path := prefix + p.Key
		list = append(list, Option{path, takes(p.Value), p.Value.Description, slices.Contains(s.Required, p.Key)})
		if p.Value.Properties != nil {
			list = walk(list, path+".", p.Value)
		}
	}
	return list
}

// takes says in words what s takes.
func takes(s *jsonschema.Schema) string {
	switch {
	case strings.HasSuffix(s.Ref, "/rules"):
		return "list of rules"
	case len(s.AnyOf) > 0:
		var words []string
		for _, a := range s.AnyOf {
			w := takes(a)
			if a.Items != nil && len(a.Items.Enum) > 0 {
				w = "a list of them"
			}
			if w != "null" && !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
		return strings.Join(words, " or ")
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			if text, ok := e.(string); ok && text != "" {
				words = append(words, text)
			}
		}
		return strings.Join(words, ", ")
	case s.Type == "array":
		if s.Items != nil && s.Items.Properties == nil {
			return "list of " + takes(s.Items) + "s"
		}
		return "list"
	case s.Type == "object" && s.Properties == nil && s.AdditionalProperties != nil:
		return "object of " + takes(s.AdditionalProperties)
	case s.Type == "":
		return "anything"
	}
	return s.Type
}
