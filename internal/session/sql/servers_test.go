//go:build integration

package sql

import (
	"os"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/sessiontest"
	"github.com/easgate/easgate/internal/testserver"
)

// onServers runs test with each kind of server.
func onServers(t *testing.T, test func(t *testing.T, s *testserver.Server)) {
	t.Run("mariadb", func(t *testing.T) { test(t, testserver.MariaDB(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, testserver.Postgres(t)) })
}

// openEmpty is open, with nothing in it.
func openEmpty(t testing.TB, database string) sessiontest.Bench {
	t.Helper()
	b := open(t, database)
	if err := b.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"easgate_sessions", "easgate_session_claims"} {
		if _, err := b.Store.(*store).write.Exec("DELETE FROM " + table); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestServers(t *testing.T) {
	onServers(t, func(t *testing.T, s *testserver.Server) {
		t.Run("two start at once", func(t *testing.T) {
			one, two := open(t, s.Config()), open(t, s.Config())
			errs := make(chan error)
			for _, b := range []sessiontest.Bench{one, two} {
				go func() {
					err := b.Ready(t.Context())
					if err != nil { // MariaDB's migrations are not locked: the loser finds them made
						err = b.Ready(t.Context())
					}
					errs <- err
				}()
			}
			for range 2 {
				if err := <-errs; err != nil {
					t.Errorf("Ready = %v", err)
				}
			}
		})
		t.Run("contract", func(t *testing.T) {
			sessiontest.Run(t, func(t *testing.T) sessiontest.Bench { return openEmpty(t, s.Config()) })
		})
		t.Run("a replica is killed", func(t *testing.T) { openEmpty(t, s.Config()).Killed(t, "TestWriter", "EASGATE_TEST_DB="+s.Config()) })
		t.Run("the server is killed under load", func(t *testing.T) {
			openEmpty(t, s.Config()).Lasting(t, func() { s.Kill(); s.Start() }, nil)
		})
		t.Run("the server freezes", func(t *testing.T) { freezes(t, s) })
		t.Run("the server is down", func(t *testing.T) { isDown(t, s) })
	})
}

func TestSQLiteKilled(t *testing.T) {
	database := sqlite(t)
	open(t, database).Killed(t, "TestWriter", "EASGATE_TEST_DB="+database)
}

// TestWriter is the replica that the tests above kill.
func TestWriter(t *testing.T) {
	database := os.Getenv("EASGATE_TEST_DB")
	if database == "" {
		t.Skip("for the tests that kill it")
	}
	open(t, database).Write(t)
}

// A pooler gives each statement, or each transaction, whichever of its connections is free.
func TestPgBouncer(t *testing.T) {
	pg := testserver.Postgres(t)
	s := testserver.PgBouncer(t, pg, "transaction", false)
	sessiontest.Run(t, func(t *testing.T) sessiontest.Bench { return openEmpty(t, s.Config()) })
}

// ATTACKS 17: a database that takes connections and never answers is an error within the bound, not a session or none.
func freezes(t *testing.T, s *testserver.Server) {
	b := openEmpty(t, s.Config())
	r := b.Saved(t, b.New("x"))
	s.Freeze()
	defer s.Thaw()
	wantErrors(t, b, r)
}

func isDown(t *testing.T, s *testserver.Server) {
	b := openEmpty(t, s.Config())
	r := b.Saved(t, b.New("x"))
	s.Kill()
	wantErrors(t, b, r)
	never := open(t, s.Config()) // which has never seen it
	wantErrors(t, never, r)
	s.Start()
	if got, ok, err := never.Load(t.Context(), r.ID); !ok || err != nil || got.Value != "x" {
		t.Errorf("Load after the server's start = %v, %v, %v", got, ok, err)
	}
}

func wantErrors(t *testing.T, b sessiontest.Bench, r session.Record) {
	t.Helper()
	began := time.Now()
	if _, ok, err := b.Load(t.Context(), r.ID); ok || err == nil {
		t.Errorf("Load = %v, %v, want an error", ok, err)
	}
	if _, err := b.Save(t.Context(), r); err == nil {
		t.Error("Save: no error")
	}
	if ok, err := b.Once(t.Context(), "state", b.Now().Add(time.Hour)); ok || err == nil {
		t.Errorf("Once = %v, %v, want an error", ok, err)
	}
	if _, ok, err := b.Lease(t.Context(), r.ID, time.Minute); ok || err == nil {
		t.Errorf("Lease = %v, %v, want an error", ok, err)
	}
	if err := b.Ready(t.Context()); err == nil {
		t.Error("Ready: no error")
	}
	if took := time.Since(began); took > 10*5*timeout {
		t.Errorf("five errors took %v", took)
	}
}
