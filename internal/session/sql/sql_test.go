package sql

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/sessiontest"
	"github.com/easgate/easgate/internal/strictjson"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// config is the store's configuration of a database, in JSON.
func config(t testing.TB, database string) Config {
	t.Helper()
	var c Config
	if err := strictjson.Unmarshal([]byte(`{"config":`+database+`}`), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func sqlite(t testing.TB) string {
	return fmt.Sprintf(`{"client":"sqlite3","connection":{"filename":%q}}`, filepath.Join(t.TempDir(), "sessions.db"))
}

// open returns the store in that database, with a time of its own.
func open(t testing.TB, database string) sessiontest.Bench {
	t.Helper()
	var passed atomic.Int64
	now := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	s, err := New(config(t, database), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return sessiontest.Bench{Store: s, Now: now, Pass: func(d time.Duration) { passed.Add(int64(d)) }}
}

func TestContract(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T) sessiontest.Bench { return open(t, sqlite(t)) })
}

// Two replicas on one file see one another's sessions, logouts and leases.
func TestReplicas(t *testing.T) {
	database := sqlite(t)
	one, two := open(t, database), open(t, database)
	r := one.Saved(t, one.New("x"))
	if got, ok, err := two.Load(t.Context(), r.ID); !ok || err != nil || got.Value != "x" {
		t.Errorf("Load = %v, %v, %v", got, ok, err)
	}
	if _, ok, err := one.Lease(t.Context(), r.ID, time.Minute); !ok || err != nil {
		t.Errorf("Lease = %v, %v", ok, err)
	}
	if _, ok, err := two.Lease(t.Context(), r.ID, time.Minute); ok || err != nil {
		t.Errorf("Lease of what the other has = %v, %v", ok, err)
	}
	if err := two.Delete(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := one.Load(t.Context(), r.ID); ok {
		t.Error("Load after the other's Delete: still there")
	}
}

func TestNewErrors(t *testing.T) {
	for name, tt := range map[string]struct{ database, want string }{
		"no client":     {`{}`, "config.client"},
		"SQL Server":    {`{"client":"mssql","connection":{"host":"h"}}`, "not in sqlserver"},
		"no file":       {`{"client":"sqlite3"}`, "config.connection.filename: required"},
		"file's memory": {`{"client":"sqlite3","connection":{"filename":":memory:"}}`, "want the path of a file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(config(t, tt.database), time.Now); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// Sweeping goes on past its first part.
func TestSweepMany(t *testing.T) {
	b := open(t, sqlite(t))
	s := b.Store.(*store)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := s.write.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
		INSERT INTO easgate_sessions SELECT random(), randomblob(32), 1, 0, 0, '', '', '', '' FROM n`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context()); n != 2500 || err != nil {
		t.Errorf("Sweep = %d, %v, want 2500", n, err)
	}
}

func BenchmarkLoad(b *testing.B) {
	bench := open(b, sqlite(b))
	var ids []session.ID
	for range 1000 {
		ids = append(ids, bench.Saved(b, bench.New(strings.Repeat("x", 2000))).ID)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, ok, err := bench.Load(b.Context(), ids[i%len(ids)]); !ok {
				b.Fatal(err)
			}
		}
	})
}

// A check of the configuration makes no file: it may run as another user than the service.
func TestNewMakesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	b := open(t, fmt.Sprintf(`{"client":"sqlite3","connection":{"filename":%q}}`, file))
	if _, err := os.Stat(file); err == nil {
		t.Error("New made the file")
	}
	if err := b.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v, want its owner's alone", info, err)
	}
}
