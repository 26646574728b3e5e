package schema

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/plugins/builtin"
)

var update = flag.Bool("update", false, "write what is made from the sources")

var root = flag.String("root", "../..", "the `folder` below which docs and sources are")

// A binary has no comments, so comments.json is made of the sources.
func TestComments(t *testing.T) {
	folders := map[string]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(typ.Elem())
		case reflect.Struct:
			if folder, ours := strings.CutPrefix(typ.PkgPath(), module); ours {
				folders[folder] = true
			}
			for f := range typ.NumField() {
				if typ.Field(f).IsExported() {
					visit(typ.Field(f).Type)
				}
			}
		}
	}
	for _, factory := range builtin.Registry() {
		visit(factory.Config)
	}
	visit(reflect.TypeFor[headers.Config]())

	comments := map[string]map[string]string{}
	for folder := range folders {
		files, err := filepath.Glob(filepath.Join(*root, folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			collect(comments, folder, f)
		}
	}
	got, err := json.MarshalIndent(comments, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "comments.json", string(got)+"\n")
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what the configuration types say: run go test ./internal/schema -update (twice, when comments changed)", path)
	}
}

// collect adds the comments of the fields that JSON fills.
func collect(comments map[string]map[string]string, folder string, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		names := map[string]string{} // Go's to JSON's
		for _, field := range s.Fields.List {
			if field.Tag == nil || len(field.Names) != 1 {
				continue
			}
			tag, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			if tag != "" && tag != "-" {
				names[field.Names[0].Name] = tag
			}
		}
		last := ""
		for _, field := range s.Fields.List {
			if len(field.Names) != 1 || names[field.Names[0].Name] == "" {
				continue
			}
			name, text := field.Names[0].Name, field.Doc.Text()
			switch {
			case text != "":
				last = text
			case regexp.MustCompile(`\b` + name + `\b`).MatchString(last): // one comment for several fields
				text = last
			default:
				continue
			}
			key := folder + "." + spec.Name.Name
			if comments[key] == nil {
				comments[key] = map[string]string{}
			}
			comments[key][name] = describe(text, names)
		}
		return false
	})
}

var word = regexp.MustCompile(`\b[A-Z]\w*\b`)

// describe makes a field's comment a description: people who write config tokens know the fields by JSON's names.
func describe(comment string, names map[string]string) string {
	text := strings.Join(strings.Fields(comment), " ")
	return word.ReplaceAllStringFunc(text, func(w string) string {
		if name, ok := names[w]; ok {
			return name
		}
		return w
	})
}
