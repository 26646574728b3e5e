package sql

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/sqldb"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/storetest"
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func testEnv() stores.Env {
	return stores.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, LookupEnv: os.LookupEnv}
}

// config makes the options of a store of options.config in JSON and further options.
func config(t *testing.T, database, more string) Config {
	t.Helper()
	var c Config
	if err := strictjson.Unmarshal(fmt.Appendf(nil, `{"config":%s%s}`, database, more), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func sqlite(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"client":"sqlite3","useNullAsDefault":true,"connection":{"filename":%s}}`, text)
}

func openStore(t *testing.T, c Config) stores.Store {
	t.Helper()
	s, err := New(c, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newAdmin(t *testing.T, c Config) *Admin {
	t.Helper()
	a, err := NewAdmin(c, func() time.Time { return epoch })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// initialized returns the administration of an empty store.
func initialized(t *testing.T, c Config) *Admin {
	t.Helper()
	a := newAdmin(t, c)
	if _, err := a.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// contract runs the suite on the tables that Init makes, with and without a cache in front.
func contract(t *testing.T, database func(*testing.T) string) {
	for name, more := range map[string]string{
		"asked every time": "", "cached": `,"cache_ttl":60`, "stale": `,"stale_if_error":60`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, tokens map[string]string) stores.Store {
				c := config(t, database(t), more)
				a := initialized(t, c)
				empty(t, a.db)
				for id, sealed := range tokens {
					if err := a.Put(t.Context(), "test", id, sealed); err != nil {
						t.Fatal(err)
					}
				}
				return openStore(t, c)
			})
		})
	}
}

// empty forgets what another test put into the same database.
func empty(t *testing.T, db *sqldb.DB) {
	t.Helper()
	for _, table := range []string{"config_tokens", "config_tokens_audit"} {
		if _, err := db.ExecContext(t.Context(), "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSQLite(t *testing.T) { contract(t, sqlite) }

func TestNewRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no client", `{}`, "config.client: unknown client"},
		{"no placeholder", `{"query":"SELECT token FROM t","config":{"client":"pg","connection":{}}}`, "query: has 0 placeholders ?, want one"},
		{"quoted placeholder", `{"query":"SELECT token FROM t WHERE id = '?'","config":{"client":"pg","connection":{}}}`, "query: has 0 placeholders ?, want one"},
		{"two placeholders", `{"query":"SELECT token FROM t WHERE id = ? OR id = ?","config":{"client":"pg","connection":{}}}`, "query: has 2 placeholders ?, want one"},
		{"a typing error", `{"query":"SELECT token FROM t WHERE id = ?","cache_tll":5}`, "cache_tll: unknown option"},
		{"a typing error deep down", `{"config":{"client":"pg","connection":{"pasword":"s3cret"}}}`, "config.connection.pasword: unknown option"},
		{"ttl", `{"cache_ttl":-1}`, "cache_ttl: want seconds, 0 or more"},
		{"ttl for ever", `{"cache_ttl":1e300}`, "cache_ttl: want seconds, 0 or more"},
		{"connection", `{"config":{"client":"pg","connection":"postgres://u:s3cret/@db"}}`, "config.connection: want a URL such as"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := stores.Of(New).Open([]byte(tt.in), testEnv())
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Open(%s) = %v, %v, want %q", tt.in, s, err, tt.want)
			}
		})
	}
}

// Operators bring their own tables and queries.
func TestQueries(t *testing.T) {
	tests := []struct {
		name, schema, query, id string
		want                    string
		ok                      bool
		err                     string
	}{
		{"EAS's own", "CREATE TABLE config_tokens (id char(255), token text, revoked tinyint); INSERT INTO config_tokens VALUES ('a','A',0)",
			"SELECT token as token from config_tokens WHERE id = ? AND revoked != 1", "a", "A", true, ""},
		{"revoked", "CREATE TABLE config_tokens (id char(255), token text, revoked tinyint); INSERT INTO config_tokens VALUES ('a','A',1)",
			"SELECT token as token from config_tokens WHERE id = ? AND revoked != 1", "a", "", false, ""},
		{"a loose collation, and no id to compare", "CREATE TABLE t (id TEXT COLLATE NOCASE, token TEXT); INSERT INTO t VALUES ('admin','A')",
			"SELECT token FROM t WHERE id = ?", "ADMIN", "A", true, ""},
		{"a loose collation", "CREATE TABLE t (id TEXT COLLATE NOCASE, token TEXT); INSERT INTO t VALUES ('admin','A')",
			"SELECT token, id FROM t WHERE id = ?", "ADMIN", "", false, ""},
		{"a loose collation and several rows", "CREATE TABLE t (id TEXT COLLATE NOCASE, token TEXT); INSERT INTO t VALUES ('admin','A'), ('ADMIN','B')",
			"SELECT * FROM t WHERE id = ?", "ADMIN", "B", true, ""},
		{"other columns", "CREATE TABLE t (x TEXT, TOKEN TEXT, n INT); INSERT INTO t VALUES ('a','A',NULL)",
			"SELECT n, TOKEN, x FROM t WHERE x = ?", "a", "A", true, ""},
		{"ids are numbers", "CREATE TABLE t (id INTEGER, token TEXT); INSERT INTO t VALUES (1,'A')", "SELECT id, token FROM t WHERE id = ?", "1", "A", true, ""},
		{"and nothing else", "CREATE TABLE t (id INTEGER, token TEXT); INSERT INTO t VALUES (1,'A')", "SELECT id, token FROM t WHERE id = ?", "01", "", false, ""},
		{"NULL is revoked", "CREATE TABLE t (id TEXT, token TEXT); INSERT INTO t VALUES ('a',NULL)", "SELECT token FROM t WHERE id = ?", "a", "", false, ""},
		{"blank is revoked", "CREATE TABLE t (id TEXT, token TEXT); INSERT INTO t VALUES ('a','  ')", "SELECT token FROM t WHERE id = ?", "a", "", false, ""},
		{"no column token", "CREATE TABLE t (id TEXT, tok TEXT); INSERT INTO t VALUES ('a','A')", "SELECT tok FROM t WHERE id = ?", "a", "", false, "sqlite: query: selects no column token"},
		{"no table", "", "SELECT token FROM nope WHERE id = ?", "a", "", false, "sqlite: "},
		{"plain", `CREATE TABLE t (id TEXT, token TEXT); INSERT INTO t VALUES ('a','{"eas":{}}')`, "SELECT token FROM t WHERE id = ?", "a", `{"eas":{}}`, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config(t, sqlite(t), "")
			c.Query = tt.query
			db, err := sqldb.Create(c.Config)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), tt.schema); err != nil {
				t.Fatal(err)
			}
			got, ok, err := openStore(t, c).Lookup(t.Context(), tt.id)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Lookup(%s) = %q, %v, want %q, %v", tt.id, got, ok, tt.want, tt.ok)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("Lookup(%s): %v, want %q", tt.id, err, tt.err)
			}
		})
	}
}

// A file that comes later, or a table, is found without a restart.
func TestSQLiteFileThatComesLater(t *testing.T) {
	c := config(t, sqlite(t), "")
	s := openStore(t, c)
	if _, ok, err := s.Lookup(t.Context(), "a"); ok || err == nil || s.Ready(t.Context()) == nil {
		t.Fatalf("Lookup = %v, %v without a file", ok, err)
	}
	a := initialized(t, c)
	if err := a.Put(t.Context(), "test", "a", "A"); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := s.Lookup(t.Context(), "a"); got != "A" || !ok || err != nil {
		t.Errorf("Lookup = %q, %v, %v", got, ok, err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

func TestRevocationIsSeenWhenTheTTLEnds(t *testing.T) {
	c := config(t, sqlite(t), `,"cache_ttl":60`)
	a := initialized(t, c)
	if err := a.Put(t.Context(), "test", "a", "A"); err != nil {
		t.Fatal(err)
	}
	now := epoch
	env := testEnv()
	env.Now = func() time.Time { return now }
	s, err := New(c, env)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	has := func(want bool) {
		t.Helper()
		if _, ok, err := s.Lookup(t.Context(), "a"); ok != want || err != nil {
			t.Errorf("Lookup = %v, %v, want %v", ok, err, want)
		}
	}
	has(true)
	if err := a.Revoke(t.Context(), "test", "a"); err != nil {
		t.Fatal(err)
	}
	now = epoch.Add(59 * time.Second)
	has(true)
	now = epoch.Add(60 * time.Second)
	has(false)
}

func BenchmarkSQLiteLookup(b *testing.B) {
	path, _ := json.Marshal(filepath.Join(b.TempDir(), "store.db"))
	var c Config
	if err := strictjson.Unmarshal(fmt.Appendf(nil, `{"config":{"client":"sqlite3","connection":%s}}`, path), &c); err != nil {
		b.Fatal(err)
	}
	a, err := NewAdmin(c, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Init(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := a.Put(b.Context(), "bench", "a", strings.Repeat("x", 600)); err != nil {
		b.Fatal(err)
	}
	s, err := New(c, testEnv())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := s.Lookup(b.Context(), "a"); !ok {
			b.Fatal(err)
		}
	}
}
