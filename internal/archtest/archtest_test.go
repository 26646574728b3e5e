package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the module, seen from here.
const root = "../.."

// A source is one Go file of the module that is not a test.
type source struct {
	pkg, file string // paths inside the module
	lines     int
	syntax    *ast.File
}

// sources parses every Go file of the module but tests, testdata and modules of their own.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == root {
				return nil
			}
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if name := d.Name(); name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || err == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		all = append(all, source{filepath.ToSlash(filepath.Dir(file)), file, bytes.Count(text, []byte("\n")), syntax})
		return nil
	})
	if err != nil {
		t.Fatalf("sources: %v", err)
	}
	if len(all) < 10 {
		t.Fatalf("sources: %d files: is %s still the root of the module?", len(all), root)
	}
	return all
}

// imported are the import paths of s.
func imported(t *testing.T, s source) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.file, err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, v := range violations(house, confined, s.pkg, imported(t, s)) {
			t.Errorf("%s: %s", s.file, v)
		}
	}
}

// A rule for what is not there binds nobody, and an allowance that nothing uses permits what nobody decided.
func TestRulesAreUsed(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		imports[s.pkg] = append(imports[s.pkg], imported(t, s)...)
	}
	for _, u := range unused(house, floor, confined, imports) {
		t.Error(u)
	}
}

func TestUnused(t *testing.T) {
	imports := map[string][]string{
		"a":   {module + "b", module + "floor", "example.com/lib/v2"},
		"b":   {"fmt"},
		"c/d": {module + "b"},
	}
	for _, tt := range []struct {
		name      string
		rules     []rule
		libraries []library
		want      int
	}{
		{"all used", []rule{{"a", []string{"b"}, ""}, {"*", nil, ""}, {"c/...", []string{"b"}, ""}}, nil, 0},
		{"a rule for nobody", []rule{{"gone", nil, ""}}, nil, 1},
		{"a rule behind a wider one", []rule{{"*", []string{"b"}, ""}, {"b", nil, ""}}, nil, 1},
		{"an allowance that nobody uses", []rule{{"b", []string{"a"}, ""}}, nil, 1},
		{"an allowance that only another rule's packages use", []rule{{"c/*", []string{"floor", "b"}, ""}}, nil, 1},
		{"a library that nobody imports", nil, []library{{"example.com/other", []string{"a"}, ""}}, 1},
		{"a library in one place of two", nil, []library{{"example.com/lib", []string{"a", "c/..."}, ""}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := unused(tt.rules, []string{"floor"}, tt.libraries, imports); len(got) != tt.want {
				t.Errorf("unused = %q, want %d of them", got, tt.want)
			}
		})
	}
	if got := unused(nil, []string{"floor", "high"}, nil, imports); len(got) != 1 {
		t.Errorf("unused = %q, want the floor that nobody stands on", got)
	}
}

// What runs at import time runs in every program and every test, in an order that nobody chose.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: call it from main instead", s.file)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(misnamed, s.syntax.Name.Name) {
			t.Errorf("%s: package %s: name it for what it does", s.file, s.syntax.Name.Name)
		}
	}
}

// main only starts things; what can be tested lives elsewhere.
func TestMainIsShort(t *testing.T) {
	const limit = 80
	for _, s := range sources(t) {
		if s.file == "cmd/easgate/main.go" && s.lines > limit {
			t.Errorf("%s: %d lines, want at most %d", s.file, s.lines, limit)
		}
	}
}

// A checker that never complains is no checker.
func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pkg     string
		imports []string
		want    int
	}{
		{"standard library", "plugins/jwt", []string{"net/http"}, 0},
		{"a plugin and its contract", "plugins/jwt", []string{module + "plugins", module + "internal/jwks"}, 0},
		{"a plugin and another", "plugins/jwt", []string{module + "plugins/ldap"}, 1},
		{"a plugin and a store", "plugins/jwt", []string{module + "stores"}, 1},
		{"a plugin and the server", "plugins/jwt", []string{module + "internal/server", module + "internal/pipeline"}, 2},
		{"a store and config tokens", "stores/sql", []string{module + "configtoken"}, 1},
		{"config tokens stand alone", "configtoken", []string{module + "internal/query"}, 1},
		{"a command and another", "cmd/easgate/internal/cli/token", []string{module + "cmd/easgate/internal/cli/store"}, 1},
		{"a command and what all share", "cmd/easgate/internal/cli/token", []string{module + "cmd/easgate/internal/cli"}, 0},
		{"a command and every plugin", "cmd/easgate/internal/cli/token", []string{module + "plugins/builtin"}, 1},
		{"what commands share and a command", "cmd/easgate/internal/tokens", []string{module + "cmd/easgate/internal/cli/token"}, 1},
		{"the product and a tool", "internal/server", []string{module + "tools/bench"}, 1},
		{"echo in the server", "internal/server", []string{"github.com/labstack/echo/v4"}, 0},
		{"echo in a plugin", "plugins/forward", []string{"github.com/labstack/echo/v4/middleware"}, 1},
		{"a name that only starts like echo", "plugins/forward", []string{"github.com/labstack/echoes"}, 0},
		{"a package without a rule", "internal/unheard-of", nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := violations(house, confined, tt.pkg, tt.imports); len(got) != tt.want {
				t.Errorf("violations(%s, %v) = %q, want %d of them", tt.pkg, tt.imports, got, tt.want)
			}
		})
	}
}
