package verify_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

const passwordToken = `{"eas":{"plugins":[` +
	`{"type":"htpasswd","htpasswd":"alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="},{"type":"request_header","headers":{"X-Key":"0123456789abcdef"}}]}}`

// login is a verify request of a client at 203.0.113.7 with a password.
func login(user, password string) *http.Request {
	r := verifytest.Request("GET", passwordToken, "")
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	r.SetBasicAuth(user, password)
	return r
}

// The log of a denial names the client, and who a wrong password was tried for, whichever plugin answers.
func TestDenialsNameTheClient(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    *http.Request
		omit bool
		want map[string]any
	}{
		{"wrong password", login("alice", "guess"), false, map[string]any{"client": "203.0.113.7", "tried": "password", "user": "alice"}},
		{"names are left out", login("alice", "guess"), true, map[string]any{"client": "203.0.113.7", "tried": "password", "user": nil}},
		{"nothing tried", verifytest.Request("GET", passwordToken, ""), false, map[string]any{"tried": nil, "user": nil}},
		{"allowed", login("alice", "password"), false, map[string]any{"client": "203.0.113.7", "tried": nil, "user": nil, "subject": "alice"}},
		{"allowed, names are left out", login("alice", "password"), true, map[string]any{"subject": nil}},
		{"refused by its forwarding headers", without(login("alice", "guess"), "X-Forwarded-Uri"), false, map[string]any{"client": "203.0.113.7", "tried": nil}},
		{"a peer that is no proxy", from(login("alice", "guess"), "198.51.100.1:5"), false, map[string]any{"client": "198.51.100.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line := logged(t, tt.r, tt.omit)
			for key, want := range tt.want {
				if line[key] != want {
					t.Errorf("%s = %v, want %v in %v", key, line[key], want, line)
				}
			}
		})
	}
}

func without(r *http.Request, name string) *http.Request {
	r.Header.Del(name)
	return r
}

func from(r *http.Request, remote string) *http.Request {
	r.RemoteAddr = remote
	return r
}

// logged returns the log line of r.
func logged(t *testing.T, r *http.Request, omitUsers bool) (line map[string]any) {
	t.Helper()
	var b bytes.Buffer
	f := verifytest.New(t, func(c *verify.Config) {
		c.Log, c.LogAllows, c.OmitUsers = slog.New(slog.NewJSONHandler(&b, nil)), true, omitUsers
	})
	f.Do(r)
	for text := range strings.Lines(b.String()) {
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
	}
	if line["msg"] != "verify" {
		t.Fatalf("log = %s, want a line of the verification", b.String())
	}
	return line
}

// ATTACKS 64: a user name writes no lines of its own into the log, no control characters, and not much.
func TestNamesInTheLog(t *testing.T) {
	for name, want := range map[string]string{
		"alice":                       "alice",
		"ünï@example.com":             "ünï@example.com",
		"a\nlevel=INFO msg=verify":    `a\nlevel=INFO msg=verify`,
		"\x1b[2J\x00\u202e\u2028":     `\x1b[2J\x00\u202e\u2028`,
		"\xff\xfe":                    `\xff\xfe`,
		strings.Repeat("x", 64):       strings.Repeat("x", 64),
		strings.Repeat("x", 8000):     strings.Repeat("x", 64) + "…",
		strings.Repeat("x", 63) + "ü": strings.Repeat("x", 63) + "…",
	} {
		if got := logged(t, login(name, "guess"), false)["user"]; got != want {
			t.Errorf("user = %q, want %q", got, want)
		}
	}
}
