package plugins

import "encoding/json"

// Values are the secrets that a request may present: in JSON a string, or a list of strings.
// Like a [Secret] they are never printed.
type Values struct {
	// Texts are the strings.
	Texts []Secret
	// Null says that there was a null.
	Null bool
	// Odd says that there was something else, or nothing at all, which matches no request.
	Odd bool
}

// OneOf returns Values of texts.
func OneOf(texts ...string) Values {
	v := Values{Odd: len(texts) == 0}
	for _, s := range texts {
		v.Texts = append(v.Texts, Secret(s))
	}
	return v
}

// Schema implements strictjson.Describer.
func (Values) Schema() string {
	return `{"anyOf": [{"type": "string"}, {"type": "null"},
		{"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}]}`
}

// UnmarshalJSON takes any JSON value, as external-auth-server does; what is no string is only noted.
func (v *Values) UnmarshalJSON(raw []byte) error {
	var list []any
	if json.Unmarshal(raw, &list) != nil || list == nil {
		var one any
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		list = []any{one}
	}
	*v = Values{Odd: len(list) == 0}
	for _, e := range list {
		switch e := e.(type) {
		case string:
			v.Texts = append(v.Texts, Secret(e))
		case nil:
			v.Null = true
		default:
			v.Odd = true
		}
	}
	return nil
}
