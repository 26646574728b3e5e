package archtest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var folder = regexp.MustCompile(`(?m)^([a-z/]+)/ +\S`)

// docs/architecture.md lists every package by itself or with the folder that holds it, and no others.
func TestEveryPackageIsDescribed(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "\n## Packages\n\n```\n")
	list, _, ok := strings.Cut(list, "\n```")
	if !ok {
		t.Fatal("docs/architecture.md: no list of packages")
	}
	var folders []string
	for _, m := range folder.FindAllStringSubmatch(list, -1) {
		folders = append(folders, m[1])
	}
	for _, f := range folders {
		if _, err := os.Stat(root + "/" + f); err != nil {
			t.Errorf("docs/architecture.md: there is no %s", f)
		}
	}
	for _, s := range sources(t) {
		if !slices.ContainsFunc(folders, func(f string) bool { return within(f, s.pkg) }) {
			t.Errorf("docs/architecture.md: no line for %s", s.pkg)
		}
	}
	for i, f := range folders {
		if slices.Contains(folders[:i], f) {
			t.Errorf("docs/architecture.md: %s has two lines", f)
		}
	}
}
