package sandbox

import (
	"embed"
	"fmt"
)

// kind is what a VM is for.
type kind int

const (
	jsonpath kind = iota
	jsonata
	handlebars
	script
	kinds
)

func (k kind) String() string {
	return [...]string{"jsonpath", "jsonata", "handlebars", "script"}[k]
}

//go:embed js
var glue embed.FS

// The folder holds nothing but a README until `make js` was run.
//
//go:embed bundle
var bundles embed.FS

// BuiltIn reports whether this build has the library of the named engine: handlebars, jsonata or jsonpath.
func BuiltIn(engine string) bool {
	_, err := bundles.Open("bundle/" + engine + ".js")
	return err == nil
}

// source returns the JavaScript of k: its library, "" for scripts, and the glue that makes an engine of it.
func (k kind) source() (library, engine string, err error) {
	if k != script {
		b, err := bundles.ReadFile("bundle/" + k.String() + ".js")
		if err != nil {
			return "", "", fmt.Errorf("engine %s is not in this build; run `make js` and build again", k)
		}
		library = string(b)
	}
	b, err := glue.ReadFile("js/" + k.String() + ".js")
	return library, string(b), err
}
