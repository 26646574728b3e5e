package redact

import (
	"reflect"
	"testing"

	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins/builtin"
)

// An option that is called as a secret is one, or says here why not.
func TestOptionsNamedAsSecrets(t *testing.T) {
	open := map[string]string{
		"jwt.assertions.id_token":          "rules",
		"firebase_jwt.assertions.id_token": "rules",
		"jwt.sources.cookie":               "the cookie's name",
		"firebase_jwt.sources.cookie":      "the cookie's name",
	}
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
			case secretName(name) && f.Type.Kind() != reflect.Bool && open[at] == "":
				t.Errorf("%s: named as a secret: make it a plugins.Secret or tag it", at)
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
