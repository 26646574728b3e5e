//go:build linux

package testserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
)

// PgBouncer starts a pooler in front of a PostgreSQL server, in pool mode transaction or session, with TLS for its clients
// or without. In mode transaction its pool is small, so that clients share the server's connections.
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
		"pool_mode = " + mode, fmt.Sprintf("default_pool_size = %d", pool), "server_round_robin = 1", "query_wait_timeout = 20",
	}
	s.write("users", fmt.Sprintf("\"%s\" \"%s\"\n", s.User, strings.ReplaceAll(s.Password, `"`, `""`)))
	cfg := pq.Config{
		Host: s.Host, Port: uint16(s.Port), User: s.User, Password: s.Password, Database: s.Database,
		SSLMode: pq.SSLModeDisable, ConnectTimeout: time.Second,
	}
	if tls {
		cert, key := selfSigned(t, s.Host)
		s.CA, cfg.SSLMode = cert, pq.SSLModeRequire
		settings = append(settings, "client_tls_sslmode = require",
			"client_tls_cert_file = "+s.write("cert", cert), "client_tls_key_file = "+s.write("key", key))
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

// write makes a file that the server reads, and returns its path.
func (s *Server) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if cred := s.credential(); cred != nil {
		if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
	return path
}

// selfSigned returns a certificate for an address, and its key, in PEM.
func selfSigned(t testing.TB, host string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
