//go:build linux

package testserver

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lib/pq"
)

// Postgres starts a PostgreSQL server.
func Postgres(t testing.TB) *Server {
	t.Helper()
	const pkg = "postgresql"
	initdb, daemon := binary(t, "initdb", pkg), binary(t, "postgres", pkg)
	s := newServer(t, "postgres")
	s.Client, s.User, s.Password, s.Database = "pg", "postgres", "t3st's \\ pw", "postgres"
	data, password := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.Password), 0o644); err != nil { // the folder is the server's alone
		t.Fatal(err)
	}
	s.run(initdb, "-D", data, "-U", s.User, "-A", "scram-sha-256", "--pwfile="+password, "--no-sync", "-E", "UTF8")
	certFile, keyFile := s.keyPair("", "db.test")
	s.start = []string{
		daemon, "-D", data, "-c", "listen_addresses=" + s.Host, "-c", "port=" + strconv.Itoa(s.Port),
		"-c", "unix_socket_directories=" + s.dir, "-c", "fsync=off", "-c", "shared_buffers=16MB",
		"-c", "ssl=on", "-c", "ssl_cert_file=" + certFile, "-c", "ssl_key_file=" + keyFile,
	}
	connector, err := pq.NewConnectorConfig(pq.Config{
		Host: s.Host, Port: uint16(s.Port), User: s.User, Password: s.Password, Database: s.Database,
		SSLMode: pq.SSLModeDisable, ConnectTimeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.ready = func(ctx context.Context) error { return ping(ctx, sql.OpenDB(connector)) }
	s.Start()
	return s
}
