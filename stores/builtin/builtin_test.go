package builtin_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/builtin"
)

// block returns the first fenced block of that language in the documentation of stores.
func block(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "stores.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```"+language+"\n")
	if !ok {
		t.Fatalf("docs/stores.md: no block of %s", language)
	}
	body, _, _ := strings.Cut(rest, "```")
	return body
}

// People copy what the documentation shows.
func TestTheDocumentedExamplesWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(path, []byte(block(t, "json")), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(block(t, "yaml"), "/etc/easgate/tokens.yaml", path)
	set, err := stores.Open(text, builtin.Adapters(), stores.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, LookupEnv: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if got := set.IDs(); !slices.Equal(got, []string{"primary", "tenants"}) || len(set.Check()) > 0 {
		t.Errorf("stores %v: %v", got, set.Check())
	}
	s, _ := set.Store("primary")
	if sealed, ok, err := s.Lookup(t.Context(), "app2"); !ok || err != nil || sealed != `{"eas":{"plugins":[{"type":"noop"}]}}` {
		t.Errorf("Lookup(app2) = %q, %v, %v", sealed, ok, err)
	}
}

// An option that the documentation does not name is one that nobody finds.
func TestEveryOptionIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "stores.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, adapter := range builtin.Adapters() {
		_, section, ok := strings.Cut(string(text), "\n## "+name+"\n")
		if !ok {
			t.Errorf("docs/stores.md: no section %s", name)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for i := range adapter.Options.NumField() {
			option, _, _ := strings.Cut(adapter.Options.Field(i).Tag.Get("json"), ",")
			if option != "" && !strings.Contains(section, "| `"+option+"` |") && !strings.Contains(section, "| `"+option+"`, ") {
				t.Errorf("docs/stores.md: section %s does not name the option %s", name, option)
			}
		}
	}
}
