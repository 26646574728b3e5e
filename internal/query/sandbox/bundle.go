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
	pattern // a regular expression
	kinds
)

func (k kind) String() string {
	return [...]string{"jsonpath", "jsonata", "handlebars", "script", "regexp"}[k]
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

// source returns the JavaScript of k: what makes a VM's realm, its library, "" without, and the glue that makes an
// engine of the library. Regular expressions have a realm alone: no code runs in it that would have to be locked up.
func (k kind) source() (parts [3]string, err error) {
	files := [3]string{"js/realm.js", "bundle/" + k.String() + ".js", "js/" + k.String() + ".js"}
	switch k {
	case script:
		files[1] = ""
	case pattern:
		files = [3]string{"js/regexp.js"}
	default:
		if !BuiltIn(k.String()) {
			return parts, fmt.Errorf("engine %s is not in this build; run `make js` and build again", k)
		}
	}
	for i, file := range files {
		if file == "" {
			continue
		}
		from := glue
		if i == 1 {
			from = bundles
		}
		b, err := from.ReadFile(file)
		if err != nil {
			return parts, err
		}
		parts[i] = string(b)
	}
	return parts, nil
}
