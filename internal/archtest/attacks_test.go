package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	attackRow  = regexp.MustCompile(`(?m)^\| (\d+) \|`)
	attackName = regexp.MustCompile(`ATTACKS ((?:\d+(?:, |–| and )?)+)`)
)

// The list of attacks is worth what its tests are: each row has one that names it, and each name has a row.
func TestAttacks(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[int]bool{}
	for _, m := range attackRow.FindAllStringSubmatch(string(text), -1) {
		n, _ := strconv.Atoi(m[1])
		listed[n] = true
	}
	tested := map[int]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range attackName.FindAllStringSubmatch(string(text), -1) {
			for _, n := range numbers(m[1]) {
				tested[n] = path
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range listed {
		if tested[n] == "" {
			t.Errorf("docs/attacks.md: no test names ATTACKS %d", n)
		}
	}
	for n, path := range tested {
		if !listed[n] {
			t.Errorf("%s: ATTACKS %d is not in docs/attacks.md", path, n)
		}
	}
}

// numbers reads "1–3, 7".
func numbers(list string) []int {
	var all []int
	for part := range strings.SplitSeq(strings.ReplaceAll(list, " and ", ", "), ", ") {
		first, last, isRange := strings.Cut(part, "–")
		lo, err := strconv.Atoi(first)
		if err != nil {
			continue
		}
		hi := lo
		if isRange {
			hi, _ = strconv.Atoi(last)
		}
		for n := lo; n <= hi; n++ {
			all = append(all, n)
		}
	}
	return all
}
