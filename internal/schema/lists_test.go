package schema

import (
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/internal/parent"
	languages "github.com/easgate/easgate/internal/query/builtin"
	"github.com/easgate/easgate/plugins/builtin"
	adapters "github.com/easgate/easgate/stores/builtin"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// A table that lists what there is has a row for each, and no others.
func TestDocumentedLists(t *testing.T) {
	types, stores := maps.Keys(builtin.Registry()), maps.Keys(adapters.Adapters())
	for _, tt := range []struct {
		page, head string
		want       iter.Seq[string]
	}{
		{"README.md", "plugin", types},
		{"README.md", "[store](docs/stores.md)", stores},
		{"docs/plugins/README.md", "type", types},
		{"docs/rules.md", "method", slices.Values(assertion.Methods)},
		{"docs/queries.md", "engine", maps.Keys(languages.Languages())},
		{"docs/operations.md", "profile", profiles},
	} {
		var got []string
		for _, cells := range rows(t, tt.page, tt.head) {
			got = append(got, words(cells[0])...)
		}
		if want := slices.Sorted(tt.want); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: the table of each %s has %q, want %q", tt.page, tt.head, got, want)
		}
	}
}

// What a member takes is in the member's row.
func TestDocumentedValues(t *testing.T) {
	want := map[string][]string{"`source`": headers.SourceNames, "`encoding`": headers.Encodings}
	seen := 0
	for _, cells := range rows(t, "docs/headers.md", "member") {
		names, ok := want[cells[0]]
		if !ok {
			continue
		}
		seen++
		if got := words(cells[1]); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(names))) {
			t.Errorf("docs/headers.md: %s has %q, want %q", cells[0], got, names)
		}
	}
	if seen != len(want) {
		t.Errorf("docs/headers.md: %d rows of %d", seen, len(want))
	}
}

// words are what stands between backquotes in text.
func words(text string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// profiles are the kinds of proxies; auto is none.
func profiles(yield func(string) bool) {
	for p := parent.Auto + 1; ; p++ {
		if known, ok := parent.ParseProfile(p.String()); !ok || known != p || !yield(p.String()) {
			return
		}
	}
}

// rows are the cells of the rows below the head whose first cell is head.
func rows(t *testing.T, page, head string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(*root, page))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n| "+head+" |")
	if !ok {
		t.Fatalf("%s: no table of each %s", page, head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "|"), " |")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.TrimPrefix(cells[i], "|"))
		}
		all = append(all, cells)
	}
	return all
}
