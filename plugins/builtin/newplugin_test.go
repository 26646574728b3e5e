//go:build linux && integration

package builtin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

const newPlugin = `// Package sample is a plugin that a test adds.
package sample

import (
	"context"
	"time"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/plugins"
)

type Config struct {
	// Greeting is what is said. Required.
	Greeting string ` + "`json:\"greeting\" enum:\"hello,goodbye\" example:\"hello\"`" + `
	// Sesame opens.
	Sesame plugins.Secret ` + "`json:\"sesame,omitempty\"`" + `
	// Inner has more.
	Inner struct {
		Magic []string ` + "`json:\"magic,omitempty\" secret:\"true\"`" + `
	} ` + "`json:\"inner,omitzero\"`" + `
}

func (c *Config) Lint(_ bool, say func(string)) { say("greeting: too kind") }

func (c *Config) Migrate(say func(string)) { say("greeting: kinder here") }

type Plugin struct{ called func(time.Duration, error) }

func New(c Config, env plugins.Env) (plugins.Plugin, error) { return &Plugin{env.Calls("sample")}, nil }

func (p *Plugin) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	p.called(time.Millisecond, nil)
	return plugins.Result{Verdict: plugins.Allow, Identity: identity.Identity{Subject: "alice"}}, nil
}
`

// A plugin is one folder and one line in builtin.go: whatever speaks of plugins finds it by itself.
func TestNewPlugin(t *testing.T) {
	dir := t.TempDir()
	list, err := os.ReadFile("builtin.go")
	if err != nil {
		t.Fatal(err)
	}
	const contract, first = `	"github.com/easgate/easgate/plugins"` + "\n", "return plugins.Registry{\n"
	added := strings.Replace(string(list), first, first+`"sample": plugins.Of(sample.New),`+"\n", 1)
	added = strings.Replace(added, contract, contract+`"github.com/easgate/easgate/plugins/sample"`+"\n", 1)
	replace := map[string]string{}
	for path, text := range map[string]string{"../sample/sample.go": newPlugin, "builtin.go": added} {
		at, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		replace[at] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[at], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-overlay="+filepath.Join(dir, "overlay.json")) // for the program, and the tests below
	t.Setenv("GOPROXY", "off")

	e := testserver.Easgate(t, func(*testserver.EasgateServer) []string {
		return []string{"EAS_PROXY_PROFILE=nginx", "EAS_METRICS_ON_MAIN=true"}
	})
	const entry = `{"type":"sample","greeting":"hello","sesame":"s3same","inner":{"magic":["m4gic"]}}`
	const claims = `{"exp":9e9,"eas":{"plugins":[` + entry + `]}}`
	find := func(where, text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %s in\n%.2000s", where, w, text)
			}
		}
	}

	var schema struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(e.Run("", "token", "schema")), &schema); err != nil {
		t.Fatal(err)
	}
	option := strings.Join(strings.Fields(string(schema.Defs["plugin_sample"])), "")
	find("token schema", option, `"greeting":{"type":"string","enum":["hello","goodbye",""],"examples":["hello"]}`, `"writeOnly":true`)
	find("token lint", lint(t, claims), "plugins[0]: sample: greeting: too kind")
	mistyped := strings.ReplaceAll(strings.ReplaceAll(claims, `"hello"`, `"helo"`), "sesame", "sezame")
	find("token lint", lint(t, mistyped), "sample: greeting: want hello or goodbye: did you mean hello?",
		"sample: sezame: unknown option: did you mean sesame?")

	token := e.Seal(claims)
	inspected := e.Run(token, "token", "inspect")
	find("token inspect", inspected, `"greeting": "hello"`, `"sesame": "[redacted]"`, `"magic": "[redacted]"`)
	if strings.Contains(inspected, "s3same") || strings.Contains(inspected, "m4gic") {
		t.Errorf("token inspect shows a secret:\n%s", inspected)
	}

	req, err := http.NewRequest(http.MethodGet, "http://"+e.Addr+"/verify?config_token="+url.QueryEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Method": "GET", "Proto": "https", "Host": "h", "Uri": "/"} {
		req.Header.Set("X-Forwarded-"+name, value)
	}
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("verify: %v, %v, want 200", res, err)
	}
	res, err := http.Get("http://" + e.Addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	find("metrics", string(metrics), `easgate_call_seconds_count{result="ok",service="sample"} 1`, `plugin="sample"`)

	if err := os.MkdirAll(filepath.Join(dir, "docs", "plugins"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "test", "-vet=off", "../../internal/schema", "-run", "^TestTables$", "-update", "-root", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile(filepath.Join(dir, "docs", "plugins", "sample.md"))
	if err != nil {
		t.Fatal(err)
	}
	find("docs/plugins/sample.md", string(page), "# sample\n", "| `greeting` | hello, goodbye |", "| `inner.magic` | list of strings |")
}

// lint returns what token lint prints, which ends with an exit code when there is something.
func lint(t *testing.T, claims string) string {
	t.Helper()
	cmd := exec.Command("go", "run", "github.com/easgate/easgate/cmd/easgate", "token", "lint")
	cmd.Stdin = strings.NewReader(claims)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("token lint finds nothing in %s", claims)
	}
	return string(out)
}
