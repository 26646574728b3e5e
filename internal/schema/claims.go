package schema

import (
	"maps"
	"slices"

	"github.com/invopop/jsonschema"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query/builtin"
)

// claims are the whole: a configuration, or a pointer to one in a store. Other claims are the operator's own.
func claims() *jsonschema.Schema {
	number, id := &jsonschema.Schema{Type: "number"},
		&jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
	configuration := object([]string{"plugins"},
		"plugins", described(&jsonschema.Schema{Type: "array", Items: ref("plugin"), MinItems: new(uint64(1))},
			"Ways to authenticate, tried in order."),
		"custom_service_headers", described(ref("headers"), "Headers for the upstream when a plugin allows."),
		"custom_error_headers", described(ref("headers"), "Headers for the client when none allows."),
		"cors", described(cors(), "What pages of other sites may do, where easgate answers browsers itself or passes "+
			"their requests on."),
	)
	pointer := object([]string{"config_token_store_id", "config_token_id"},
		"config_token_store_id", described(id, "Id of the store."),
		"config_token_id", described(id, "Id of the config token in the store."),
	)
	return members(&jsonschema.Schema{Type: "object", Required: []string{"eas"}},
		"jti", described(id, "Id of the config token, by which it can be revoked."),
		"exp", described(number, "Seconds since 1970 from which the config token is not taken any more."),
		"nbf", described(number, "Seconds since 1970 before which it is not taken."),
		"iat", described(number, "Seconds since 1970 when it was made."),
		"aud", &jsonschema.Schema{Description: "What sessions are scoped by; without it, the whole token."},
		"eas", &jsonschema.Schema{OneOf: []*jsonschema.Schema{configuration, pointer}},
	)
}

// cors is crosssite.Config.
func cors() *jsonschema.Schema {
	texts := &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}}
	return object([]string{"origins"},
		"origins", described(texts, `Scheme, host and port of the sites, such as https://app.example.com, or "*", without `+
			`credentials.`),
		"methods", described(texts, "Methods beside GET, HEAD and POST. Default PUT, PATCH and DELETE."),
		"headers", described(texts, "Request headers that a page may set. Default Content-Type and Authorization."),
		"expose_headers", described(texts, "Answer headers that a page may read."),
		"max_age", described(&jsonschema.Schema{Type: "integer"},
			"Seconds for which a browser may remember a preflight. Default 600."),
		"credentials", described(&jsonschema.Schema{Type: "boolean"}, "Whether pages may send the session's cookie along."),
		"preflight", described(&jsonschema.Schema{Enum: []any{"answer", "pass"}},
			"Who answers preflights: easgate, or the upstream, which then sends all CORS headers."),
	)
}

func pcb() *jsonschema.Schema {
	return object(nil,
		"skip", described(ref("rules"), "When all of these hold, the plugin is passed over."),
		"stop", described(ref("rules"),
			"When all of these hold, the answer of this plugin is given and no later one is asked."),
	)
}

// rules: what JavaScript takes for no value is no rule.
func rules() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "array", Items: ref("rule")},
		{Enum: []any{nil, false, "", 0}}}}
}

func rule() *jsonschema.Schema {
	value := func(method string, value *jsonschema.Schema) *jsonschema.Schema {
		then := members(&jsonschema.Schema{}, "value", jsonschema.FalseSchema)
		if value != nil {
			then = members(&jsonschema.Schema{Required: []string{"value"}}, "value", value)
		}
		return &jsonschema.Schema{
			If:   members(&jsonschema.Schema{}, "method", &jsonschema.Schema{Const: method}),
			Then: then,
		}
	}
	list := &jsonschema.Schema{Type: "array"}
	test := object([]string{"method"},
		"method", described(&jsonschema.Schema{Enum: anys(assertion.Methods)},
			"How the value that the query finds is tested."),
		"value", &jsonschema.Schema{Description: "What it is compared with; a list for in, contains-any and contains-all, " +
			"/pattern/flags for regex, a network or a list of networks for cidr, none for empty."},
		"negate", described(&jsonschema.Schema{Type: "boolean"}, "Turns the result around."),
		"case_insensitive", described(&jsonschema.Schema{Type: "boolean"},
			"Lower-cases both sides first; of a regex the pattern too, so that \\S becomes \\s. Use the flag i there."),
	)
	test.AllOf = []*jsonschema.Schema{
		value("eq", &jsonschema.Schema{}), value("contains", &jsonschema.Schema{}),
		value("regex", &jsonschema.Schema{Type: "string"}),
		value("cidr", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"},
			{Type: "array", Items: &jsonschema.Schema{Type: "string"}, MinItems: new(uint64(1))}}}),
		value("in", list), value("contains-any", list), value("contains-all", list), value("empty", nil),
	}
	return object([]string{"query_engine", "query", "rule"},
		"query_engine", described(&jsonschema.Schema{Enum: anys(engines())}, "Language of the query."),
		"query", described(&jsonschema.Schema{Type: "string"}, "Finds the value to test."),
		"query_opts", described(&jsonschema.Schema{Type: "object", MaxProperties: new(uint64(0))},
			"Without meaning in a rule."),
		"rule", test,
	)
}

// headerMap names headers. An object without any is as good as none, which null is too.
func headerMap() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{
			Type:                 "object",
			PropertyNames:        &jsonschema.Schema{Pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
			AdditionalProperties: ref("header"),
		},
		{Type: "null"},
	}}
}

func engines() []string { return slices.Sorted(maps.Keys(builtin.Languages())) }

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

// described returns a copy of s with a description.
func described(s *jsonschema.Schema, text string) *jsonschema.Schema {
	c := *s
	c.Description = text
	return &c
}

// object is an object with these members, as members takes them, and no others.
func object(required []string, pairs ...any) *jsonschema.Schema {
	return members(&jsonschema.Schema{Type: "object", Required: required, AdditionalProperties: jsonschema.FalseSchema},
		pairs...)
}

// members gives s members of names and schemas in turn.
func members(s *jsonschema.Schema, pairs ...any) *jsonschema.Schema {
	s.Properties = jsonschema.NewProperties()
	for i := 0; i < len(pairs); i += 2 {
		s.Properties.Set(pairs[i].(string), pairs[i+1].(*jsonschema.Schema))
	}
	return s
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
