package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

// EAS_CA_FILE reaches the plugins.
func TestCAFile(t *testing.T) {
	service := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer service.Close()
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token.yaml")
	for file, text := range map[string]string{
		ca:    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})),
		token: "jti: x\neas: {plugins: [{type: forward, url: " + service.URL + "}]}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		env  []string
		want int
	}{
		"unset":               {nil, cli.ExitNo},
		"EAS_CA_FILE":         {[]string{"EAS_CA_FILE=" + ca}, 0},
		"NODE_EXTRA_CA_CERTS": {[]string{"NODE_EXTRA_CA_CERTS=" + ca}, 0},
	} {
		var out strings.Builder
		c := testCLI()
		c.Env, c.Out, c.Err = tt.env, &out, &out
		if code := run(t.Context(), c, []string{"explain", "--file", token, "--uri", "https://app.example.com/"}); code != tt.want {
			t.Errorf("%s: explain exits with %d, want %d: %s", name, code, tt.want, &out)
		}
	}
}
