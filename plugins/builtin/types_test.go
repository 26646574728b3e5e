package builtin_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins/builtin"
	"github.com/easgate/easgate/plugins/plugintest"
)

// One rule for every option of every plugin: a value of a wrong type, such as a list of one text where a text is meant,
// is refused with its path when a native token is sealed. In external-auth-server's format it is what JavaScript takes it
// for, or makes the plugin fail.
func TestTypesOfOptions(t *testing.T) {
	wrong := map[reflect.Kind][]string{
		reflect.String:  {`["x"]`, `5`, `0`, `true`, `false`, `{}`},
		reflect.Bool:    {`"true"`, `"false"`, `""`, `1`, `0`, `[true]`},
		reflect.Int:     {`"5"`, `true`, `[5]`, `5.5`},
		reflect.Int64:   {`"5"`, `true`, `[5]`, `5.5`},
		reflect.Float64: {`"5"`, `true`, `[5]`},
		// What takes a text or a list of texts.
		reflect.Slice: {`5`, `true`},
	}
	asEAS := map[reflect.Kind][]string{
		reflect.String: {`0`, `false`}, reflect.Bool: wrong[reflect.Bool], reflect.Int: {`"5"`}, reflect.Int64: {`"5"`}, reflect.Float64: {`"5"`},
	}
	checked := 0
	for name, f := range builtin.Registry() {
		for _, o := range options(f.Config, "") {
			for _, value := range wrong[o.kind] {
				checked++
				for _, native := range []bool{true, false} {
					env := plugintest.Env(t)
					env.Native = native
					_, _, err := f.Build(nested(o.path, value), env)
					refused := err != nil && strings.HasPrefix(err.Error(), o.path+": want")
					if want := native || !slices.Contains(asEAS[o.kind], value); refused != want {
						t.Errorf("%s: native %v: %s: %s: Build = %v, refused: want %v", name, native, o.path, value, err, want)
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("checked %d values, want every option's", checked)
	}
}

// An option is one that the configuration types tell the type of.
type option struct {
	path string
	kind reflect.Kind
}

func options(t reflect.Type, path string) (all []option) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		raw := t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
		if raw || t.Kind() == reflect.Map || t.Kind() == reflect.Interface {
			return nil // decoded elsewhere
		}
		return []option{{path, t.Kind()}}
	}
	for _, f := range reflect.VisibleFields(t) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" {
			all = append(all, options(f.Type, strings.TrimPrefix(path+"."+tag, "."))...)
		}
	}
	return all
}

func nested(path, value string) json.RawMessage {
	for _, name := range slices.Backward(strings.Split(path, ".")) {
		value = fmt.Sprintf("{%q:%s}", name, value)
	}
	return json.RawMessage(value)
}
