package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins/builtin"
)

const begin, end = "<!-- options -->\n", "<!-- /options -->"

// Each plugin has its page, with a table that is made from its configuration type.
func TestTables(t *testing.T) {
	for name, factory := range builtin.Registry() {
		options, err := Options(factory.Config)
		if err != nil {
			t.Fatal(err)
		}
		if len(options) == 0 {
			t.Fatalf("Options(%s) = none", name)
		}
		path := filepath.Join(*root, "docs", "plugins", name+".md")
		text, err := os.ReadFile(path)
		if *update && errors.Is(err, fs.ErrNotExist) {
			text, err = []byte("# "+name+"\n\n"+begin+end), nil
		}
		if err != nil {
			t.Errorf("%s has no page: %v", name, err)
			continue
		}
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Errorf("%s: no %s", path, begin)
			continue
		}
		golden(t, path, before+begin+table(options)+end+after)
	}
}

func table(options []Option) string {
	var b strings.Builder
	b.WriteString("| option | takes | |\n|---|---|---|\n")
	for _, o := range options {
		name := strings.TrimPrefix(o.Path[strings.LastIndexByte(o.Path, '.')+1:], ".")
		text := strings.NewReplacer("|", "\\|", "{{", "`{{", "}}", "}}`").Replace(o.Description)
		for _, word := range []string{name + " ", "is ", "are "} {
			text = strings.TrimPrefix(text, word)
		}
		if text != "" {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Path, o.Takes, text)
	}
	return b.String()
}

// Required means the same in a field's tag and in its comment.
func TestRequired(t *testing.T) {
	for name, factory := range builtin.Registry() {
		options, err := Options(factory.Config)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			if says := strings.Contains(o.Description, "Required."); says != o.Required && !strings.Contains(o.Path, "oidc.") {
				t.Errorf("%s: %s: required is %t, its comment says %t", name, o.Path, o.Required, says)
			}
		}
	}
}
