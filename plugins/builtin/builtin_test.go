package builtin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	engines "github.com/easgate/easgate/internal/query/builtin"
	"github.com/easgate/easgate/plugins/builtin"
	"github.com/easgate/easgate/plugins/plugintest"
)

// Each plugin's folder has an example configuration that names the plugin's type and builds strictly, and each folder
// with one is in the list.
func TestExamplesBuild(t *testing.T) {
	registry := builtin.Registry()
	files, err := filepath.Glob("../*/testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(registry) {
		t.Errorf("%d plugins, %d examples", len(registry), len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var entry struct{ Type string }
		if err := json.Unmarshal(raw, &entry); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		folder := filepath.Base(filepath.Dir(filepath.Dir(file)))
		if strings.ReplaceAll(entry.Type, "_", "") != folder {
			t.Errorf("%s: type %s", file, entry.Type)
		}
		f, ok := registry[entry.Type]
		if !ok {
			t.Errorf("%s: type %q is not in the list", file, entry.Type)
			continue
		}
		env := plugintest.Env(t)
		env.Native = true
		var closeEngines func()
		env.Query, _, closeEngines = engines.Engines(engines.Options{AllowEval: true})
		t.Cleanup(closeEngines)
		if _, err := plugintest.Build(f, raw, env); err != nil {
			t.Errorf("%s: Build = %v", file, err)
		}
	}
}
