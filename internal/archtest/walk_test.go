package archtest

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// walked is a row of the walk in docs/architecture.md: a number, a file, and functions in it.
var walked = regexp.MustCompile("(?m)^\\| \\d+ \\| `([^`]+)` \\| (.*?) \\|")

var quoted = regexp.MustCompile("`([^`]+)`")

// A newcomer follows a request by file and function: each one that docs/architecture.md names is there.
func TestWalk(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]map[string]bool{}
	for _, s := range sources(t) {
		declared[s.file] = map[string]bool{}
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				declared[s.file][nameOf(f)] = true
			}
		}
	}
	rows := walked.FindAllStringSubmatch(string(text), -1)
	if len(rows) < 10 {
		t.Fatalf("docs/architecture.md: %d steps of a request, want more", len(rows))
	}
	for _, row := range rows {
		functions := quoted.FindAllStringSubmatch(row[2], -1)
		if declared[row[1]] == nil || len(functions) == 0 {
			t.Errorf("docs/architecture.md: no file %s, or no function in it", row[1])
		}
		for _, f := range functions {
			if !declared[row[1]][f[1]] {
				t.Errorf("docs/architecture.md: %s has no %s", row[1], f[1])
			}
		}
	}
}

// nameOf is "Function" or "Type.Method".
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return strings.Join([]string{id.Name, f.Name.Name}, ".")
	}
	return f.Name.Name
}
