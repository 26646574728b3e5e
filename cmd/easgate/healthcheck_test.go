package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

func TestHealthcheck(t *testing.T) {
	secrets := []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar"}
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, 1)
	socket := "unix:" + filepath.Join(dir, "s")
	down := `{"down": {"adapter": "file", "options": {"path": "` + filepath.Join(dir, "missing") + `"}}}`
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want int
	}{
		{"tcp", nil, nil, 0},
		{"ready", nil, []string{"--ready"}, 0},
		{"tls", []string{"EAS_SSL_CERT=" + cert, "EAS_SSL_KEY=" + key}, nil, 0},
		{"unix", []string{"EAS_ADDR=" + socket}, nil, 0},
		{"tls over unix", []string{"EAS_ADDR=" + socket, "EAS_SSL_CERT=" + cert, "EAS_SSL_KEY=" + key}, []string{"--ready"}, 0},
		{"alive but not ready", []string{"EAS_CONFIG_TOKEN_STORES=" + down}, nil, 0},
		{"not ready", []string{"EAS_CONFIG_TOKEN_STORES=" + down}, []string{"--ready"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, append(tt.env, secrets...)...)
			address := strings.TrimPrefix(r.url, "http://")
			if strings.HasPrefix(address, "/") {
				address = "unix:" + address
			}
			check := func(args ...string) (int, string) {
				var errs bytes.Buffer
				c := &cli.CLI{In: strings.NewReader(""), Out: &errs, Err: &errs, Env: tt.env, Now: time.Now}
				return run(t.Context(), c, append([]string{"healthcheck"}, args...)), errs.String()
			}
			if got, text := check(append(tt.args, "--address", address)...); got != tt.want {
				t.Errorf("healthcheck = %d, want %d: %s; log:\n%s", got, tt.want, text, r.log)
			}
			r.stop()
			if got, _ := check("--address", address); got != 1 {
				t.Errorf("healthcheck of nobody = %d, want 1", got)
			}
		})
	}
	// The address is the configuration's.
	start(t, append(secrets, "EAS_ADDR="+socket)...)
	c := &cli.CLI{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer), Env: []string{"EAS_ADDR=" + socket}, Now: time.Now}
	if got := run(t.Context(), c, []string{"healthcheck"}); got != 0 {
		t.Errorf("healthcheck by configuration = %d, want 0: %s", got, c.Err)
	}
}
