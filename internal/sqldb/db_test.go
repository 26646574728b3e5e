package sqldb

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"
)

// silentServer takes connections and says nothing.
func silentServer(t *testing.T) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

func sqliteConfig(file string) Config {
	return Config{Client: "sqlite3", Connection: Connection{Filename: file}}
}

// An empty database made of a typing error answers "unknown id" for ever.
func TestOpenDoesNotMakeAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nope.db")
	db, err := Open(sqliteConfig(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err == nil {
		t.Error("Ready = nil for a file that does not exist")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat = %v: Open made the file", err)
	}
	made, err := Create(sqliteConfig(file))
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v after the file was made", err)
	}
}

func TestCreate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.db")
	db, err := Create(sqliteConfig(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
	var mode string
	if err := db.GetContext(t.Context(), &mode, "PRAGMA journal_mode"); err != nil || mode != "wal" {
		t.Errorf("journal_mode = %s, %v, want wal", mode, err)
	}
}

func TestInTxRollsBack(t *testing.T) {
	db, err := Create(sqliteConfig(filepath.Join(t.TempDir(), "x.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (a)"); err != nil {
		t.Fatal(err)
	}
	sorry := errors.New("sorry")
	err = db.InTx(t.Context(), func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
			return err
		}
		return sorry
	})
	var n int
	if e := db.GetContext(t.Context(), &n, "SELECT count(*) FROM t"); e != nil || n != 0 || !errors.Is(err, sorry) {
		t.Errorf("InTx = %v; %d rows, %v; want none", err, n, e)
	}
}

func TestMigrate(t *testing.T) {
	db, err := Create(sqliteConfig(filepath.Join(t.TempDir(), "x.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files := fstest.MapFS{
		"sqlite/00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (x);\n")},
	}
	run := func(want []string, wantErr string) {
		t.Helper()
		got, err := Migrate(context.Background(), db, files, "a_migrations")
		if !slices.Equal(got, want) {
			t.Errorf("Migrate = %v, want %v", got, want)
		}
		if (err == nil) != (wantErr == "") || err != nil && !strings.HasPrefix(err.Error(), wantErr) {
			t.Errorf("Migrate = %v, want %q", err, wantErr)
		}
	}
	run([]string{"00001_a.sql"}, "")
	run(nil, "")
	files["sqlite/00002_b.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE b (x);\n")}
	files["sqlite/00003_c.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABEL c (x);\n")}
	run([]string{"00002_b.sql"}, "migrations: 00003_c.sql: ")

	other, err := Open(Config{Client: "mssql", Connection: Connection{Host: "db"}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Migrate(t.Context(), other, files, "m"); err == nil || !strings.Contains(err.Error(), "make the table by hand") {
		t.Errorf("Migrate on SQL Server = %v", err)
	}
}
