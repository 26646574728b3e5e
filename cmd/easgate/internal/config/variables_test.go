package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`\bEAS_[A-Z0-9_]*[A-Z0-9]`)

// Documentation, recipes, hints and comments name variables that exist. Whoever copies another one sets nothing.
func TestVariablesExist(t *testing.T) {
	const root = "../../../.."
	exist := append(envNames(), "EAS_CONFIG_FILE")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".git") {
				return filepath.SkipDir
			}
			return nil
		}
		kind := filepath.Ext(name)
		if !slices.Contains([]string{".md", ".go", ".yaml", ".yml", ".conf", ".sh", ".json"}, kind) && name != "Dockerfile" && name != "Makefile" ||
			strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, v := range variable.FindAllString(string(text), -1) {
			seen[v] = true
			if !slices.Contains(exist, v) {
				t.Errorf("%s: %s is not a setting", path, v)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range exist {
		if twin := strings.TrimSuffix(v, "_FILE"); !seen[v] && !seen[twin] {
			t.Errorf("nothing names %s: is %s still the root of the module?", v, root)
		}
	}
}
