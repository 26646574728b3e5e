package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	remote  = regexp.MustCompile(`^[a-z]+:`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	// dropped is what GitHub leaves out of the name that it gives a heading.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// A link to a file or a heading that has moved sends the reader nowhere.
func TestLinks(t *testing.T) {
	pages := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".md"):
			return nil
		}
		text, err := os.ReadFile(path)
		pages[path] = fence.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 {
		t.Fatalf("%d pages: is %s still the root of the module?", len(pages), root)
	}
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if remote.MatchString(m[1]) {
				continue
			}
			if why := dead(pages, page, m[1]); why != "" {
				t.Errorf("%s: link to %s: %s", page, m[1], why)
			}
		}
	}
}

// dead says why target, as page links to it, leads nowhere; "" if it does lead somewhere.
func dead(pages map[string]string, page, target string) string {
	file, anchor, _ := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), file)
	}
	if _, err := os.Stat(path); err != nil {
		return "no such file"
	}
	if anchor == "" {
		return ""
	}
	for _, h := range heading.FindAllStringSubmatch(pages[path], -1) {
		if strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-") == anchor {
			return ""
		}
	}
	return "no such heading"
}

func TestDead(t *testing.T) {
	pages := map[string]string{root + "/README.md": "# A page\n## The `keys`, and more\n"}
	for target, want := range map[string]string{
		"LICENSE":                     "",
		"docs/":                       "",
		"#the-keys-and-more":          "",
		"README.md#a-page":            "",
		"#the-keys":                   "no such heading",
		"docs/architecture.md#nobody": "no such heading",
		"docs/nowhere.md":             "no such file",
	} {
		if got := dead(pages, root+"/README.md", target); got != want {
			t.Errorf("dead(%s) = %q, want %q", target, got, want)
		}
	}
}
