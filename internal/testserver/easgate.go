//go:build linux

package testserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// An EasgateServer is easgate as users run it: the program, built from this repository. Addr is its address.
type EasgateServer struct {
	*Server
	Addr    string
	program string
	env     []string
}

// Easgate starts easgate with a keyring of its own, and more settings: each NAME=value. A test that fails shows its
// log. Settings can come from a function of the server, which may seal tokens and write files before it runs.
func Easgate(t testing.TB, settings func(*EasgateServer) []string) *EasgateServer {
	t.Helper()
	s := newServer(t, "root")
	e := &EasgateServer{Server: s, Addr: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), program: easgateProgram(t)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("easgate: log:\n%s", e.Log())
		}
	})
	keyring := filepath.Join(s.dir, "keyring.json")
	e.env = []string{
		"EAS_KEYRING_FILE=" + keyring, "EAS_ADDR=127.0.0.1", "EAS_PORT=" + strconv.Itoa(s.Port), "EAS_ADMIN_ADDR=off",
		"EAS_LOG_LEVEL=debug",
	}
	e.Run("", "keys", "new", "--out", keyring)
	if settings != nil {
		e.env = append(e.env, settings(e)...)
	}
	s.start = append([]string{"/usr/bin/env"}, append(e.env, e.program, "serve")...)
	s.ready = func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Addr+"/ping", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	s.Start()
	return e
}

// Run runs a command of easgate with the server's settings and some input, and returns what it prints.
func (e *EasgateServer) Run(input string, args ...string) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + e.dir}, e.env...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &problems
	if err := cmd.Run(); err != nil {
		e.t.Fatalf("easgate %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), problems.String())
	}
	return out.String()
}

// Seal makes a config token of its claims.
func (e *EasgateServer) Seal(claims string) string {
	e.t.Helper()
	return strings.TrimSpace(e.Run(claims, "token", "seal"))
}

// File writes a file that settings can name, and returns its path.
func (e *EasgateServer) File(name, text string) string {
	e.t.Helper()
	return e.write(name, text)
}

var easgateBuilt struct {
	sync.Once
	path string
	err  error
}

// easgateProgram builds the program, once for each package that is tested.
func easgateProgram(t testing.TB) string {
	t.Helper()
	b := &easgateBuilt
	b.Do(func() {
		var cache, here string
		if cache, b.err = os.UserCacheDir(); b.err != nil {
			return
		}
		if here, b.err = os.Getwd(); b.err != nil {
			return
		}
		sum := sha256.Sum256([]byte(here))
		b.path = filepath.Join(cache, "easgate", "test-"+hex.EncodeToString(sum[:6]), "easgate")
		out, err := exec.Command("go", "build", "-o", b.path, "github.com/easgate/easgate/cmd/easgate").CombinedOutput()
		if err != nil {
			b.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}
