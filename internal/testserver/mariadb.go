//go:build linux

package testserver

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDB starts a MariaDB server.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	const pkg = "mariadb-server"
	install, daemon := binary(t, "mariadb-install-db", pkg), binary(t, "mariadbd", pkg)
	s := newServer(t, "mysql")
	s.Client, s.User, s.Password, s.Database = "mysql", "easgate", "t3st's \\ pw", "easgate"
	data, socket := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "s.sock")
	s.run(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	init := filepath.Join(s.dir, "init.sql")
	err := os.WriteFile(init, []byte(lines(
		"CREATE DATABASE IF NOT EXISTS easgate CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;",
		"CREATE USER IF NOT EXISTS easgate@'%' IDENTIFIED BY 't3st''s \\\\ pw';",
		"GRANT ALL ON easgate.* TO easgate@'%';",
	)), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := s.keyPair("", "db.test")
	s.start = []string{
		daemon, "--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=" + s.Host, "--port=" + strconv.Itoa(s.Port), "--skip-name-resolve", "--init-file=" + init,
		"--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--performance-schema=off", "--tmpdir=" + s.dir,
		"--ssl-cert=" + certFile, "--ssl-key=" + keyFile,
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = s.User, s.Password, s.Database
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	cfg.Logger, cfg.Timeout = &mysql.NopLogger{}, time.Second
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.ready = func(ctx context.Context) error { return ping(ctx, sql.OpenDB(connector)) }
	s.Start()
	return s
}

// ping asks the database once, over a connection of its own.
func ping(ctx context.Context, db *sql.DB) error {
	defer db.Close()
	return db.PingContext(ctx)
}
