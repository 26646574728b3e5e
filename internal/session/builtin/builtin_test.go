package builtin

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/problem"
)

var env = Env{Log: slog.New(slog.DiscardHandler), Now: time.Now}

func TestOpen(t *testing.T) {
	db, _ := json.Marshal(filepath.Join(t.TempDir(), "s.db"))
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", ``, "memory"},
		{"no kind", `{}`, "memory"},
		{"EAS's default", `{"store":"memory","max":0,"ttl":0}`, "memory"},
		{"EAS's redis", `{"store":"redis","host":"localhost"}`, "redis"},
		{"EAS's ioredis", `{"store":"ioredis","host":"localhost"}`, "ioredis"},
		{"EAS's sentinel", `{"store":"ioredis","sentinels":[{"host":"a","port":26379}],"name":"main","sentinelPassword":"x","lazyConnect":true}`, "ioredis"},
		{"a cluster", `{"store":"ioredis","clusterConfig":{"nodes":["a:7000",{"host":"b","port":7001}],"options":{"maxRedirections":16,"redisOptions":{"tls":{}}}}}`, "ioredis"},
		{"SQL", `{"store":"sql","config":{"client":"sqlite3","connection":{"filename":` + string(db) + `},"useNullAsDefault":true}}`, "sql"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, kind, err := Open(json.RawMessage(tt.in), env)
			if err != nil || kind != tt.want {
				t.Fatalf("Open = %q, %v, want %q", kind, err, tt.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What an operator mistypes is said with its place and what was meant, and without a password.
func TestOpenErrors(t *testing.T) {
	for _, tt := range []struct{ name, in, want, hint string }{
		{"a kind", `{"store":"rediss"}`, `store: unknown kind "rediss"`, "redis"},
		{"no text", `{"store":1}`, "store: want text", ""},
		{"an option", `{"store":"redis","hots":"r","password":"s3cret"}`, "hots: unknown", "host"},
		{"an option within", `{"store":"redis","tls":{"caa":"x"}}`, "tls.caa: unknown", "ca"},
		{"an option of another kind", `{"store":"memory","host":"r"}`, "host: unknown", ""},
		{"a port", `{"store":"redis","port":"s3cret"}`, "port: ", ""},
		{"a database's option", `{"store":"sql","config":{"client":"pg","connection":{"hots":"x","password":"s3cret"}}}`, "config.connection.hots: unknown", "host"},
		{"a node", `{"store":"redis","clusterConfig":{"nodes":["s3cret"]}}`, "clusterConfig.nodes[0]: want host:port", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Open(json.RawMessage(tt.in), env)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("Open = %v, want %q", err, tt.want)
			}
			if hint := problem.HintOf(err); !strings.Contains(err.Error()+hint, tt.hint) {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
		})
	}
}
