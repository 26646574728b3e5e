//go:build integration

package sql

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/sqldb"
	"github.com/easgate/easgate/internal/testserver"
)

var servers = map[string]func(testing.TB) *testserver.Server{
	"mariadb":  testserver.MariaDB,
	"postgres": testserver.Postgres,
}

// onServers runs test with each kind of server.
func onServers(t *testing.T, test func(t *testing.T, s *testserver.Server)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func TestServers(t *testing.T) {
	onServers(t, func(t *testing.T, s *testserver.Server) {
		t.Run("administration", func(t *testing.T) { administration(t, s.Config()) })
		t.Run("contract", func(t *testing.T) { contract(t, func(*testing.T) string { return s.Config() }) })
		t.Run("URL", func(t *testing.T) { connectionURL(t, s) })
		t.Run("TLS", func(t *testing.T) { secured(t, s) })
		t.Run("wrong password", func(t *testing.T) { wrongPassword(t, s) })
		t.Run("init by two at once", func(t *testing.T) { initTwice(t, s) })
		if s.Client == "mysql" {
			t.Run("EAS's table, with a loose collation", func(t *testing.T) { looseTable(t, s) })
			t.Run("EAS's table in latin1", func(t *testing.T) { latin1Table(t, s) })
		} else {
			t.Run("EAS's table, padded", func(t *testing.T) { paddedTable(t, s) })
			t.Run("numbers as ids", func(t *testing.T) { numericIDs(t, s) })
		}
	})
}

// A pooler gives each statement, or each transaction, whichever of its connections is free: nothing may be left on one.
func TestPgBouncer(t *testing.T) {
	pg := testserver.Postgres(t)
	for _, mode := range []string{"transaction", "session"} {
		for _, tls := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", mode, tls), func(t *testing.T) {
				s := testserver.PgBouncer(t, pg, mode, tls)
				t.Run("init by two at once", func(t *testing.T) { initTwice(t, s) })
				exec(t, s, "DROP TABLE config_tokens, config_tokens_audit, config_tokens_migrations")
				t.Run("administration", func(t *testing.T) { administration(t, s.Config()) })
				t.Run("contract", func(t *testing.T) { contract(t, func(*testing.T) string { return s.Config() }) })
				t.Run("lookups of many clients", func(t *testing.T) { manyClients(t, s) })
				exec(t, s, "DROP TABLE IF EXISTS config_tokens, config_tokens_audit, config_tokens_migrations, numbered")
			})
		}
	}
}

// manyClients looks up as five servers would that share a pooler.
func manyClients(t *testing.T, s *testserver.Server) {
	c := config(t, s.Config(), `,"timeout":20`)
	a := newAdmin(t, c)
	if err := a.Put(t.Context(), "test", "many", "A"); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	var wg sync.WaitGroup
	for range 5 {
		st := openStore(t, c)
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if got, ok, err := st.Lookup(context.Background(), "many"); got != "A" || !ok || err != nil {
						t.Errorf("Lookup = %q, %v, %v", got, ok, err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func exec(t *testing.T, s *testserver.Server, statements ...string) {
	t.Helper()
	db, err := sqldb.Open(config(t, s.Config(), "").Config)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range statements {
		if _, err := db.ExecContext(t.Context(), st); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
	}
}

func connectionURL(t *testing.T, s *testserver.Server) {
	url := fmt.Sprintf("%s://%s:t3st%%27s%%20%%5C%%20pw@%s:%d/%s", s.Client, s.User, s.Host, s.Port, s.Database)
	st := openStore(t, config(t, fmt.Sprintf(`{"client":%q,"connection":%q}`, s.Client, url), ""))
	if err := st.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

func secured(t *testing.T, s *testserver.Server) {
	quoted := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	ca, pin := `"ca":`+quoted(s.CA), `"fingerprint":`+quoted(s.Fingerprint)
	for _, tt := range []struct {
		name, ssl string
		want      bool
	}{
		{"the system's authorities", `true`, false},
		{"its authority, another name", `{` + ca + `}`, false},
		{"its authority, its common name", `{` + ca + `,"servername":"db.test"}`, true},
		{"the system's authorities, its common name", `{"servername":"db.test"}`, false},
		{"its public key", `{` + pin + `}`, true},
		{"another public key", `{"fingerprint":["` + strings.Repeat("ab", 32) + `"]}`, false},
		{"anybody", `{"rejectUnauthorized":false}`, true},
		{"its authority, libpq's verify-full", `{` + ca + `},"sslmode":"verify-full"`, false},
		{"its authority, libpq's verify-ca", `{` + ca + `},"sslmode":"verify-ca"`, s.Client == "pg"},
		{"libpq's verify-ca", `false,"sslmode":"verify-ca"`, s.Client != "pg"},
		{"libpq's require", `false,"sslmode":"require"`, true},
	} {
		c := strings.Replace(s.Config(), `"password":`, `"ssl":`+tt.ssl+`,"password":`, 1)
		if err := openStore(t, config(t, c, "")).Ready(t.Context()); (err == nil) != tt.want {
			t.Errorf("%s: Ready = %v, want success = %v", tt.name, err, tt.want)
		}
	}
	c := config(t, strings.Replace(s.Config(), `"password":`, `"ssl":{"servername":"db.test"},"password":`, 1), "")
	c.Config.Roots = x509.NewCertPool()
	c.Config.Roots.AppendCertsFromPEM([]byte(s.CA))
	if a := newAdmin(t, c); a.db.Ready(t.Context()) != nil {
		t.Error("its authority among those for everything: not trusted")
	}
	exec(t, s, "SELECT 1")
	if s.Client != "pg" {
		return
	}
	var used bool
	db := newAdmin(t, c).db
	if err := db.GetContext(t.Context(), &used, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); err != nil || !used {
		t.Errorf("the connection has TLS = %v, %v", used, err)
	}
}

func wrongPassword(t *testing.T, s *testserver.Server) {
	broken := strings.Replace(s.Config(), `"password":"`, `"password":"s3cret`, 1)
	_, ok, err := openStore(t, config(t, broken, "")).Lookup(t.Context(), "a")
	if ok || err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Lookup = %v, %v", ok, err)
	}
}

func initTwice(t *testing.T, s *testserver.Server) {
	exec(t, s, "DROP TABLE IF EXISTS config_tokens, config_tokens_audit, config_tokens_migrations")
	var wg sync.WaitGroup
	for range 2 {
		a := newAdmin(t, config(t, s.Config(), ""))
		wg.Go(func() {
			// MySQL commits each CREATE TABLE by itself, so that one of two may fail; what counts there is what is left.
			if _, err := a.Init(t.Context()); err != nil && s.Client != "mysql" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := initialized(t, config(t, s.Config(), "")).Put(t.Context(), "test", "a", "A"); err != nil {
		t.Error(err)
	}
}

const easQuery = `,"query":"SELECT token as token from config_tokens WHERE id = ? AND revoked != 1"`

// The schema of EAS's documentation, in a database whose default collation ignores case.
func looseTable(t *testing.T, s *testserver.Server) {
	exec(t, s, "DROP TABLE IF EXISTS config_tokens",
		"CREATE TABLE `config_tokens` (`id` char(255) NOT NULL, `token` text NOT NULL, `revoked` tinyint NOT NULL)",
		"ALTER TABLE `config_tokens` ADD PRIMARY KEY `id` (`id`)",
		"INSERT INTO config_tokens VALUES ('admin', 'A', 0)")
	find := func(more, id string) bool {
		t.Helper()
		_, ok, err := openStore(t, config(t, s.Config(), more)).Lookup(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !find(easQuery, "admin") || find(easQuery, "admin ") {
		t.Error("with EAS's query: want admin found, and not with a space behind it")
	}
	if !find("", "admin") || find("", "Admin") || find("", "admin ") {
		t.Error("with a query that selects id: want admin found, and nothing like it")
	}
	a := newAdmin(t, config(t, s.Config(), ""))
	want := `id "Admin": the table takes it for "admin"`
	if err := a.Put(t.Context(), "test", "Admin", "B"); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Put(Admin) = %v, want %q", err, want)
	}
	if err := a.Revoke(t.Context(), "test", "ADMIN"); err == nil {
		t.Error("Revoke(ADMIN) revokes admin")
	}
	if r, err := a.Get(t.Context(), "admin"); err != nil || r != (Record{"admin", "A", false}) {
		t.Errorf("Get(admin) = %v, %v", r, err)
	}
}

// An id that the column cannot hold is unknown, at the price of one question: strangers write ids.
func latin1Table(t *testing.T, s *testserver.Server) {
	exec(t, s, "DROP TABLE IF EXISTS config_tokens",
		"CREATE TABLE config_tokens (id varchar(255) NOT NULL PRIMARY KEY, token text NOT NULL, revoked tinyint NOT NULL) CHARACTER SET latin1",
		"INSERT INTO config_tokens VALUES ('müller', 'A', 0)")
	st := openStore(t, config(t, s.Config(), ""))
	for id, want := range map[string]bool{"müller": true, "muller": false, "日本": false, "Łukasz": false, "😀": false} {
		before := questions(t, s)
		if _, ok, err := st.Lookup(t.Context(), id); ok != want || err != nil {
			t.Errorf("Lookup(%s) = %v, %v, want %v", id, ok, err, want)
		}
		// The statement may be prepared first, and this question is one itself.
		if n := questions(t, s) - before; n > 3 {
			t.Errorf("Lookup(%s) asks %d times", id, n-1)
		}
	}
}

// questions is how many statements the server has been asked to prepare or run.
func questions(t *testing.T, s *testserver.Server) (n int) {
	t.Helper()
	db, err := sqldb.Open(config(t, s.Config(), "").Config)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const query = "SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('COM_STMT_PREPARE', 'COM_STMT_EXECUTE')"
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func paddedTable(t *testing.T, s *testserver.Server) {
	exec(t, s, "DROP TABLE IF EXISTS config_tokens",
		"CREATE TABLE config_tokens (id char(255) NOT NULL PRIMARY KEY, token text NOT NULL, revoked smallint NOT NULL)",
		"INSERT INTO config_tokens VALUES ('admin', 'A', 0)")
	for _, more := range []string{easQuery, ""} {
		st := openStore(t, config(t, s.Config(), more))
		if got, ok, err := st.Lookup(t.Context(), "admin"); got != "A" || !ok || err != nil {
			t.Errorf("Lookup(admin) = %q, %v, %v", got, ok, err)
		}
		if _, ok, err := st.Lookup(t.Context(), "Admin"); ok || err != nil {
			t.Errorf("Lookup(Admin) = %v, %v", ok, err)
		}
	}
	if _, ok, err := openStore(t, config(t, s.Config(), "")).Lookup(t.Context(), "admin "); ok || err != nil {
		t.Errorf("Lookup(admin with a space) = %v, %v", ok, err)
	}
	if err := newAdmin(t, config(t, s.Config(), "")).Put(t.Context(), "test", "admin", "B"); err != nil {
		t.Error(err)
	}
}

// What is no number must not look like a database that is down.
func numericIDs(t *testing.T, s *testserver.Server) {
	exec(t, s, "CREATE TABLE numbered (id integer PRIMARY KEY, token text)", "INSERT INTO numbered VALUES (1, 'A')")
	st := openStore(t, config(t, s.Config(), `,"query":"SELECT id, token FROM numbered WHERE id = ?"`))
	for id, want := range map[string]bool{"1": true, "2": false, "01": false, "abc": false, "99999999999999": false} {
		if _, ok, err := st.Lookup(t.Context(), id); ok != want || err != nil {
			t.Errorf("Lookup(%s) = %v, %v, want %v", id, ok, err, want)
		}
	}
}

// eventually waits for what a server does by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for tick, end := time.NewTicker(10*time.Millisecond), time.After(20*time.Second); !is(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("never: " + what)
		}
	}
}

func TestOutages(t *testing.T) {
	onServers(t, func(t *testing.T, s *testserver.Server) {
		c := config(t, s.Config(), `,"timeout":1`)
		a := initialized(t, c)
		for _, id := range []string{"a", "b"} {
			if err := a.Put(t.Context(), "test", id, "A"); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		t.Run("down at the start, then up", func(t *testing.T) { downAtStart(t, s, c) })
		t.Run("killed under load", func(t *testing.T) { killedUnderLoad(t, s, c) })
		t.Run("remembered tokens serve on", func(t *testing.T) { serveOn(t, s) })
		t.Run("frozen", func(t *testing.T) { frozen(t, s, c) })
		t.Run("revoked", func(t *testing.T) { revoked(t, s) })
	})
}

func downAtStart(t *testing.T, s *testserver.Server, c Config) {
	s.Kill()
	st := openStore(t, c)
	if _, ok, err := st.Lookup(t.Context(), "a"); ok || err == nil {
		t.Errorf("Lookup = %v, %v, want an error", ok, err)
	}
	if st.Ready(t.Context()) == nil {
		t.Error("Ready = nil")
	}
	s.Start()
	if got, ok, err := st.Lookup(t.Context(), "a"); got != "A" || !ok || err != nil {
		t.Errorf("Lookup = %q, %v, %v after the start", got, ok, err)
	}
	if err := st.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

func killedUnderLoad(t *testing.T, s *testserver.Server, c Config) {
	st := openStore(t, c)
	var found, failed, wrong, slow atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				got, ok, err := st.Lookup(context.Background(), "a")
				if time.Since(start) > 10*time.Second {
					slow.Add(1)
				}
				switch {
				case err != nil && !ok && got == "":
					failed.Add(1)
				case err == nil && ok && got == "A":
					found.Add(1)
				default:
					wrong.Add(1) // "unknown id" above all
				}
			}
		})
	}
	more := func(n *atomic.Int64, by int64) func() bool {
		from := n.Load()
		return func() bool { return n.Load() >= from+by }
	}
	eventually(t, "tokens are found", more(&found, 200))
	s.Kill()
	eventually(t, "lookups fail", more(&failed, 50))
	if st.Ready(t.Context()) == nil {
		t.Error("Ready = nil without a server")
	}
	s.Start()
	eventually(t, "it recovers", more(&found, 1000))
	before := failed.Load()
	eventually(t, "it goes on", more(&found, 200))
	stop()
	wg.Wait()
	if n := failed.Load() - before; n != 0 {
		t.Errorf("%d lookups failed after it had recovered", n)
	}
	if wrong.Load() != 0 || slow.Load() != 0 {
		t.Errorf("%d wrong answers, %d took longer than 10 seconds", wrong.Load(), slow.Load())
	}
	if err := st.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

func serveOn(t *testing.T, s *testserver.Server) {
	now := epoch
	env := testEnv()
	env.Now = func() time.Time { return now }
	st, err := New(config(t, s.Config(), `,"cache_ttl":60,"stale_if_error":600`), env)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	has := func(id string, want bool) {
		t.Helper()
		if got, ok, err := st.Lookup(t.Context(), id); ok != want || (got == "A") != want || (err == nil) != want {
			t.Errorf("%v: Lookup(%s) = %q, %v, %v, want %v", now.Sub(epoch), id, got, ok, err, want)
		}
	}
	has("a", true)
	s.Kill()
	now = epoch.Add(59 * time.Second)
	has("a", true)
	has("b", false) // not asked for before
	now = epoch.Add(659 * time.Second)
	has("a", true)
	now = epoch.Add(661 * time.Second)
	has("a", false)
	if st.Ready(t.Context()) == nil {
		t.Error("Ready = nil without a server, whatever is remembered")
	}
	s.Start()
	has("a", true)
	has("b", true)
}

// A server that takes connections and never answers must not hold requests.
func frozen(t *testing.T, s *testserver.Server, c Config) {
	st := openStore(t, c)
	if _, ok, err := st.Lookup(t.Context(), "a"); !ok {
		t.Fatal(err)
	}
	s.Freeze()
	defer s.Thaw()
	for range 3 {
		start := time.Now()
		_, ok, err := st.Lookup(t.Context(), "a")
		if ok || err == nil {
			t.Errorf("Lookup = %v, %v, want an error", ok, err)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("Lookup took %v, want about a second", d)
		}
	}
	if st.Ready(t.Context()) == nil {
		t.Error("Ready = nil")
	}
	s.Thaw()
	eventually(t, "it recovers", func() bool {
		got, ok, err := st.Lookup(t.Context(), "a")
		return got == "A" && ok && err == nil
	})
}

// Revoked on one host, seen on the others when their cache_ttl ends.
func revoked(t *testing.T, s *testserver.Server) {
	const ttl = 500 * time.Millisecond
	st := openStore(t, config(t, s.Config(), `,"cache_ttl":0.5`))
	if _, ok, err := st.Lookup(t.Context(), "a"); !ok {
		t.Fatal(err)
	}
	a := newAdmin(t, config(t, s.Config(), ""))
	if err := a.Revoke(t.Context(), "test", "a"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	eventually(t, "the revocation is seen", func() bool {
		_, ok, err := st.Lookup(t.Context(), "a")
		return !ok && err == nil
	})
	if d := time.Since(start); d > 10*(ttl+time.Second) {
		t.Errorf("seen after %v, want %v at most", d, ttl+time.Second)
	}
}
