package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/sessions"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/session"
)

// sessionEnv is the environment of an easgate with those secrets, whose sessions are in file.
func sessionEnv(file string, secrets ...string) []string {
	return append([]string{fmt.Sprintf(`EAS_STORE_OPTS={"store":"sql","config":{"client":"sqlite3","connection":{"filename":%q}}}`, file)}, secrets...)
}

// loggedIn logs those subjects in, as the service with that environment would.
func loggedIn(t *testing.T, env []string, subjects ...string) {
	t.Helper()
	cfg, _, err := config.Load(config.Sources{Env: env, KeysOptional: true})
	if err != nil {
		t.Fatal(err)
	}
	store, _, err := sessions.Open(cfg, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ring, err := sessions.Ring(cfg, new(configtoken.Keyring), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := session.NewKeeper[string](store, ring, "app", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		_, id := session.NewID()
		names := session.Names{Provider: "https://op.example.com", Subject: subject}
		if _, err := keeper.Save(t.Context(), session.Session[string]{ID: id, Names: names, Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
}

// A secret is replaced as docs/sessions.md says, and the sessions of one subject are ended.
func TestSessionCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	one, two := strings.Repeat("1", 32), strings.Repeat("2", 32)
	before := sessionEnv(file, "EAS_SESSION_ENCRYPT_SECRET="+one)
	between := sessionEnv(file, "EAS_SESSION_ENCRYPT_SECRET="+two, "EAS_SESSION_ENCRYPT_SECRET_OLD="+one)
	after := sessionEnv(file, "EAS_SESSION_ENCRYPT_SECRET="+two)
	loggedIn(t, before, "alice", "alice", "bob")
	loggedIn(t, between, "alice")
	for _, tt := range []struct {
		name string
		env  []string
		args string
		want string // in what is printed
		n    int    // sessions listed; -1: not a list
	}{
		{"all", before, "list", "https://op.example.com", 4},
		{"alice's", between, "list --subject alice", "", 3},
		{"alice's at that provider", between, "list --subject alice --provider https://op.example.com", "", 3},
		{"alice's elsewhere", between, "list --subject alice --provider https://other.example.com", "", 0},
		{"with the newer secret alone", after, "list --subject alice", "", 1},
		{"seal again", between, "reseal", "3 sessions are sealed again, 1 had the newest key, 0 open with none", -1},
		{"seal again, once more", after, "reseal", "0 sessions are sealed again, 4 had the newest key, 0 open with none", -1},
		{"the older secret is gone", after, "list --subject alice", "https://op.example.com", 3},
		{"revoke", after, "revoke --subject alice", "3 sessions are ended", -1},
		{"what is left", after, "list", "https://op.example.com", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"session"}, strings.Fields(tt.args)...)
			if tt.n >= 0 {
				args = append(args, "--json")
			}
			var out, errs bytes.Buffer
			c := &cli.CLI{In: strings.NewReader(""), Out: &out, Err: &errs, Env: tt.env, Now: time.Now}
			if code := run(t.Context(), c, args); code != 0 {
				t.Fatalf("%s: exit code %d, %s", tt.args, code, errs.String())
			}
			if text := out.String() + errs.String(); !strings.Contains(text, tt.want) || strings.Contains(text, "alice") {
				t.Errorf("%s: printed %s, want %q", tt.args, text, tt.want)
			}
			var list []any
			if tt.n >= 0 && (json.Unmarshal(out.Bytes(), &list) != nil || len(list) != tt.n) {
				t.Errorf("%s: %d sessions, want %d: %s", tt.args, len(list), tt.n, out.String())
			}
		})
	}
}

func TestSessionCommandErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	for _, tt := range []struct {
		name string
		env  []string
		args string
		want string
	}{
		{"in memory", nil, "list", "sessions are kept in memory, each easgate its own"},
		{"nobody", sessionEnv(file, "EAS_SESSION_ENCRYPT_SECRET=x"), "revoke", "want --subject"},
		{"everybody", sessionEnv(file, "EAS_SESSION_ENCRYPT_SECRET=x"), "list --provider p", "--provider goes with --subject"},
		{"no secret", sessionEnv(file), "revoke --subject alice", "set EAS_SESSION_ENCRYPT_SECRET"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var errs bytes.Buffer
			c := &cli.CLI{In: strings.NewReader(""), Out: &errs, Err: &errs, Env: tt.env, Now: time.Now}
			if code := run(t.Context(), c, append([]string{"session"}, strings.Fields(tt.args)...)); code == 0 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("%s: exit code %d, %s, want %q", tt.args, code, errs.String(), tt.want)
			}
		})
	}
}
