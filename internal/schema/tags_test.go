package schema

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
)

// What an option's tags and type say is in the schema, wherever the option is.
func TestTags(t *testing.T) {
	type inner struct {
		Mode string `json:"mode,omitempty" enum:"a,b" example:"b"`
	}
	type config struct {
		Key    plugins.Secret            `json:"key"`
		Header map[string]plugins.Values `json:"header,omitempty" secret:"true"`
		Inner  *inner                    `json:"inner,omitempty"`
		List   []inner                   `json:"list,omitempty"`
		Some   plugins.List              `json:"some,omitempty" enum:"x,y"`
	}
	registry := plugins.Registry{"sample": plugins.Of(func(config, plugins.Env) (plugins.Plugin, error) { return nil, nil })}
	text, err := ConfigToken(registry)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Defs map[string]struct{ Properties map[string]json.RawMessage } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	mode := []string{`"enum":["a","b",""]`, `"examples":["b"]`}
	for name, want := range map[string][]string{
		"key": {`"writeOnly":true`}, "header": {`"writeOnly":true`}, "inner": mode, "list": mode, "some": {`"enum":["x","y",""]`},
	} {
		got := strings.Join(strings.Fields(string(doc.Defs["plugin_sample"].Properties[name])), "")
		if slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(got, w) }) {
			t.Errorf("%s: %s, want %q", name, got, want)
		}
	}
	options, err := Options(registry["sample"].Config)
	if err != nil || !slices.Contains(options, Option{Path: "some", Takes: "x, y or a list of them"}) {
		t.Errorf("Options = %v, %v", options, err)
	}
}
