package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/configtoken"
)

// A running is a service under test.
type running struct {
	url  string
	stop func() int
	log  *logBuffer
}

// A logBuffer is read while the service writes to it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs serve on a free port until the test ends.
func start(t *testing.T, env ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	c := &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: write, Now: time.Now}
	c.Env = append([]string{"EAS_PORT=0", "EAS_ADDR=127.0.0.1", "EAS_ADMIN_ADDR=off"}, env...)
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, c, nil)
		_ = write.Close()
	}()
	r := &running{log: new(logBuffer)}
	r.stop = func() int { cancel(); return <-done }
	lines := bufio.NewScanner(io.TeeReader(read, r.log))
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "easgate serves" {
			r.url = "http://" + line.Address
			break
		}
	}
	if r.url == "" {
		t.Fatalf("serve ended with %d:\n%s", <-done, r.log)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	t.Cleanup(func() { cancel(); <-drained })
	return r
}

func (r *running) verify(t *testing.T, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/verify?config_token="+url.QueryEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"Method": "GET", "Proto": "https", "Host": "app.example.com", "Uri": "/"} {
		req.Header.Set("X-Forwarded-"+name, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// sealed runs token seal.
func sealed(t *testing.T, claims string, env ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := &cli.CLI{In: strings.NewReader(claims), Out: &out, Err: &errs, Env: env, Now: time.Now}
	if code := run(t.Context(), c, []string{"token", "seal"}); code != 0 {
		t.Fatalf("token seal exits with %d: %s", code, &errs)
	}
	return strings.TrimSpace(out.String())
}

const openToAll = `{"eas": {"plugins": [{"type": "noop"}]}}`

// Moving from external-auth-server is changing the image: its secrets, its tokens and no arguments serve.
func TestServeWithEASSecrets(t *testing.T) {
	env := []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar"}
	token := sealed(t, openToAll, env...)
	r := start(t, env...)
	if got := r.verify(t, token); got != http.StatusOK {
		t.Errorf("verify = %d, want 200", got)
	}
	if got := r.verify(t, token[1:]); got != http.StatusServiceUnavailable {
		t.Errorf("verify of a damaged token = %d, want 503", got)
	}
	if code := r.stop(); code != 0 {
		t.Errorf("serve exits with %d, want 0", code)
	}
	for _, secret := range []string{"foo", "bar", token} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, r.log)
		}
	}
	if !strings.Contains(r.log.String(), "weak secret") {
		t.Errorf("no warning of weak secrets:\n%s", r.log)
	}
}

// A rotated keyring is taken up without a restart, and so is a revocation.
func TestServeReloads(t *testing.T) {
	dir := t.TempDir()
	ring, revoked := filepath.Join(dir, "ring.json"), filepath.Join(dir, "revoked.yaml")
	command := func(args ...string) {
		t.Helper()
		var errs bytes.Buffer
		c := &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: &errs, Now: time.Now}
		if code := run(t.Context(), c, args); code != 0 {
			t.Fatalf("%v exits with %d: %s", args, code, &errs)
		}
	}
	command("keys", "new", "--out", ring)
	if err := os.WriteFile(revoked, []byte("[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keyring := "EAS_KEYRING_FILE=" + ring
	r := start(t, keyring, "EAS_REVOKED_JTIS_FILE="+revoked)
	before := sealed(t, `{"jti": "one", "eas": {"plugins": [{"type": "noop"}]}}`, keyring)
	if got := r.verify(t, before); got != http.StatusOK {
		t.Fatalf("verify = %d, want 200", got)
	}

	older, err := configtoken.LoadKeyring(ring)
	if err != nil {
		t.Fatal(err)
	}
	gone := sealed(t, openToAll, keyring)
	command("keys", "rotate", ring)
	after := sealed(t, openToAll, keyring)
	eventually(t, "a token under the new key opens", func() bool { return r.verify(t, after) == http.StatusOK })
	if got := r.verify(t, before); got != http.StatusOK {
		t.Errorf("verify under the old key = %d, want 200", got)
	}

	if err := os.WriteFile(revoked+".new", []byte("[one]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(revoked+".new", revoked); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the revoked token is refused", func() bool { return r.verify(t, before) == http.StatusServiceUnavailable })
	if got := r.verify(t, after); got != http.StatusOK {
		t.Errorf("verify of the other token = %d, want 200", got)
	}

	// What was opened is not remembered beyond its key.
	if got := r.verify(t, gone); got != http.StatusOK {
		t.Errorf("verify under the older key = %d, want 200", got)
	}
	command("keys", "remove", older.Keys()[0].ID, ring)
	eventually(t, "a token whose key is gone is refused", func() bool { return r.verify(t, gone) == http.StatusServiceUnavailable })
	if got := r.verify(t, after); got != http.StatusOK {
		t.Errorf("verify under the key that is left = %d, want 200", got)
	}

	// A keyring that is broken while it is being written changes nothing.
	if err := os.WriteFile(ring, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fault is logged", func() bool { return strings.Contains(r.log.String(), "keyring was not reloaded") })
	if got := r.verify(t, after); got != http.StatusOK {
		t.Errorf("verify with a broken keyring file = %d, want 200", got)
	}
}

// eventually waits for what another goroutine does soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 10 s", what)
		case <-tick.C:
		}
	}
}

// The default admin address belongs to whoever came first; one that was asked for must be had.
func TestAdminAddress(t *testing.T) {
	env := []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar"}
	taken := start(t, env...)
	var errs bytes.Buffer
	c := &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: &errs, Now: time.Now}
	c.Env = append(env, "EAS_PORT=0", "EAS_ADMIN_ADDR="+strings.TrimPrefix(taken.url, "http://"))
	if code := run(t.Context(), c, nil); code != cli.ExitFailure {
		t.Errorf("serve on a taken admin address exits with %d, want %d", code, cli.ExitFailure)
	}
	if !strings.Contains(errs.String(), "hint: something else listens there") {
		t.Errorf("no hint:\n%s", &errs)
	}
}

// What systemd hands over is served; what is another process's is not looked at.
func TestSocketActivation(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	admin, err := net.Listen("unix", filepath.Join(dir, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	files := make([]*os.File, 2)
	if files[0], err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	if files[1], err = admin.(*net.UnixListener).File(); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// testscript makes an easgate of the test binary.
	if err := os.Symlink(exe, filepath.Join(dir, "easgate")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sh", "-c", "LISTEN_PID=$$ exec "+filepath.Join(dir, "easgate")+" serve")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=main:admin", "EAS_PORT=1", "EAS_ADMIN_ADDR=off",
		"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar")
	cmd.ExtraFiles = files
	log := new(logBuffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	// Both sockets have a backlog: whoever asks early waits.
	res, err := http.Get("http://" + l.Addr().String() + "/ping")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("main: %v, %v, want 200; log:\n%s", res, err, log)
	}
	overUnix := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", admin.Addr().String())
	}}}
	if res, err := overUnix.Get("http://easgate/metrics"); err != nil || res.StatusCode != 200 {
		t.Errorf("admin: %v, %v, want 200; log:\n%s", res, err, log)
	}
}
