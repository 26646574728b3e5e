package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/plugins/builtin"
)

// The first steps that docs/cli.md shows are what they seem: pasted into a shell, they end with an allow.
func TestFirstSteps(t *testing.T) {
	steps := fenced(t, "../../docs/cli.md", "sh")
	script := filepath.Join(t.TempDir(), "steps.txtar")
	text := "exec sh -eu steps.sh\nstdout '^ALLOW'\n-- steps.sh --\n" + strings.Replace(steps, "easgate token lint token.yaml", "easgate token lint token.yaml || test $? = 3", 1)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{script}})
}

// The README's first token works, and its table has every plugin.
func TestReadme(t *testing.T) {
	script := filepath.Join(t.TempDir(), "readme.txtar")
	text := "exec sh -eu steps.sh\nstdout '^ALLOW'\nstdout 'X-Auth-Subject: alice'\n-- steps.sh --\n" + fenced(t, "../../README.md", "sh")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{script}})
	_, first, _ := strings.Cut(fenced(t, "../../README.md", "sh"), "<<'EOF'\n")
	first, _, _ = strings.Cut(first, "\nEOF\n")
	claims, err := document.Convert([]byte(first))
	if err != nil || len(claims) == 0 {
		t.Fatalf("README.md: the first token: %v", err)
	}
	if err := validate(tokenSchema(t), claims); err != nil {
		t.Errorf("README.md: the schema does not take the first token: %v", err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind := range builtin.Registry() {
		if !strings.Contains(string(readme), "| [`"+kind+"`](docs/plugins/"+kind+".md) |") {
			t.Errorf("README.md: no row for %s", kind)
		}
	}
}

// The configuration that docs/configuration.md shows is one.
func TestConfigurationExample(t *testing.T) {
	example := fenced(t, "../../docs/configuration.md", "yaml")
	t.Chdir(t.TempDir())
	c := testCLI()
	if code := run(t.Context(), c, []string{"keys", "new", "--out", "keyring.json"}); code != 0 {
		t.Fatalf("keys new exits with %d", code)
	}
	if err := os.WriteFile("easgate.yaml", []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	c = testCLI()
	c.Out, c.Err = &out, &out
	if code := run(t.Context(), c, []string{"config", "check", "--config", "easgate.yaml"}); code != 0 {
		t.Errorf("config check exits with %d: %s", code, &out)
	}
}

// fenced returns the first block of that language in a Markdown file.
func fenced(t *testing.T, path, language string) string {
	t.Helper()
	return fencedAt(t, path, language, 1)
}

// fencedAt returns the n-th.
func fencedAt(t *testing.T, path, language string, n int) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```"+language+"\n")
	if n >= len(blocks) {
		t.Fatalf("%s: no block %d of %s", path, n, language)
	}
	block, _, ok := strings.Cut(blocks[n], "\n```\n")
	if !ok {
		t.Fatalf("%s: block %d of %s does not end", path, n, language)
	}
	return block + "\n"
}
