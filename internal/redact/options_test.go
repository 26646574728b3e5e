package redact

import (
	"reflect"
	"testing"

	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins/builtin"
)

// A text that is called as a secret is one, or its tag says that it is none.
func TestOptionsNamedAsSecrets(t *testing.T) {
	var visit func(path string, t reflect.Type)
	marked := 0
	visit = func(path string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		for name, f := range strictjson.Fields(typ) {
			at := path + "." + name
			switch {
			case f.Type == reflect.TypeFor[secret.Text]() || f.Tag.Get("secret") != "":
				marked++
			case secretName(name) && (f.Type.Kind() == reflect.String || f.Type.Kind() == reflect.Map):
				t.Errorf("%s: named as a secret: make it a plugins.Secret, or tag it secret:\"false\"", at)
			}
			visit(at, f.Type)
		}
	}
	for name, factory := range builtin.Registry() {
		visit(name, factory.Config)
	}
	if marked < 10 {
		t.Errorf("%d secret options, want more", marked)
	}
}
