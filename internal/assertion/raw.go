package assertion

import (
	"bytes"
	"encoding/json"

	"github.com/easgate/easgate/internal/query"
)

// Rules is the option of a plugin that takes a list of rules: its JSON, to be compiled.
type Rules json.RawMessage

// UnmarshalJSON keeps raw.
func (r *Rules) UnmarshalJSON(raw []byte) error {
	*r = bytes.Clone(raw)
	return nil
}

// Schema implements strictjson.Describer.
func (Rules) Schema() string { return `{"$ref": "#/$defs/rules"}` }

// Compile compiles the rules; see [Compile]. What JavaScript takes for no value (nothing, null, false, "" and 0) is no
// rule, and a nil Set.
func (r Rules) Compile(engines query.Engines, strict bool) (*Set, error) {
	if v, err := query.ParseJSON(r); len(r) == 0 || err == nil && !query.Truthy(v) {
		return nil, nil
	}
	return Compile(json.RawMessage(r), engines, strict)
}
