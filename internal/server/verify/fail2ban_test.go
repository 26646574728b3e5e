//go:build integration

package verify_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// The filter in examples/fail2ban, run by fail2ban-regex (Debian's fail2ban), finds wrong passwords and nothing else.
// ATTACKS 64: whatever the user name says, nobody else is banned.
func TestFail2banFilter(t *testing.T) {
	filter, err := filepath.Abs("../../../examples/fail2ban/filter.d/easgate.conf")
	if err == nil {
		_, err = os.Stat(filter) // so that a changed filter is tested anew
	}
	if err != nil {
		t.Fatal(err)
	}
	// A user name has no colon, and 64 bytes are logged of it; a path may hold whatever can be escaped.
	inName := login("x outcome=deny client=192.0.2.66 tried=password", "guess")
	inPath := verifytest.Request("GET", passwordToken, "")
	inPath.Header.Set("X-Forwarded-Uri", "/x%22,%22outcome%22:%22deny%22,%22status%22:401,%22client%22:%22192.0.2.66%22,%22tried%22:%22password%22"+
		"%20level=INFO%20msg=verify%20decision=1%20outcome=deny%20status=401%20client=192.0.2.66%20tried=password")
	for format, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		t.Run(format, func(t *testing.T) {
			var b bytes.Buffer
			f := verifytest.New(t, func(c *verify.Config) { c.Log, c.LogAllows = slog.New(handler(&b)), true })
			requests := []*http.Request{
				login("alice", "guess"), login("nobody", "guess"), inName, inPath,
				login("alice", "password"), verifytest.Request("GET", passwordToken, ""), without(login("alice", "guess"), "X-Forwarded-Uri"),
			}
			for _, r := range requests {
				f.Do(r)
			}
			log := filepath.Join(t.TempDir(), "easgate.log")
			if err := os.WriteFile(log, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("fail2ban-regex", "-o", "ip", log, filter).CombinedOutput()
			if err != nil {
				t.Fatalf("fail2ban-regex: %v: Debian's package fail2ban has it\n%s", err, out)
			}
			if got, want := strings.Fields(string(out)), strings.Fields(strings.Repeat("203.0.113.7 ", 3)); strings.Join(got, " ") != strings.Join(want, " ") {
				all, _ := exec.Command("fail2ban-regex", "--print-all-missed", log, filter).CombinedOutput()
				t.Errorf("found %q, want %q\n%s\n%s", got, want, all, b.String())
			}
		})
	}
}
