//go:build linux

package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
)

// PgBouncer starts a pooler in front of a PostgreSQL server, in pool mode transaction or session, with TLS for its
// clients or without. In mode transaction its pool is small, so that clients share the server's connections.
func PgBouncer(t testing.TB, pg *Server, mode string, tls bool) *Server {
	t.Helper()
	daemon := binary(t, "pgbouncer", "pgbouncer")
	s := newServer(t, "postgres")
	s.Client, s.User, s.Password, s.Database = pg.Client, pg.User, pg.Password, pg.Database
	pool := map[string]int{"transaction": 3, "session": 50}[mode]
	settings := []string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%d", pg.Host, pg.Port),
		"[pgbouncer]",
		"listen_addr = " + s.Host, fmt.Sprintf("listen_port = %d", s.Port), "unix_socket_dir =",
		"auth_type = scram-sha-256", "auth_file = " + filepath.Join(s.dir, "users"),
		"pool_mode = " + mode, fmt.Sprintf("default_pool_size = %d", pool), "server_round_robin = 1",
		"query_wait_timeout = 20",
	}
	s.write("users", fmt.Sprintf("\"%s\" \"%s\"\n", s.User, strings.ReplaceAll(s.Password, `"`, `""`)))
	cfg := pq.Config{
		Host: s.Host, Port: uint16(s.Port), User: s.User, Password: s.Password, Database: s.Database,
		SSLMode: pq.SSLModeDisable, ConnectTimeout: time.Second,
	}
	if tls {
		cert, key := s.keyPair(s.Host, "pool.test")
		s.TLS, cfg.SSLMode = true, pq.SSLModeRequire
		settings = append(settings, "client_tls_sslmode = require", "client_tls_cert_file = "+cert,
			"client_tls_key_file = "+key)
	}
	s.start = []string{daemon, s.write("ini", lines(settings...))}
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.ready = func(ctx context.Context) error { return ping(ctx, sql.OpenDB(connector)) }
	s.Start()
	return s
}
