//go:build integration

package sql

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/sessiontest"
	"github.com/easgate/easgate/internal/testserver"
)

// BenchmarkMany compares a lookup among a thousand sessions with one among a million:
//
//	go test -tags integration -run '^$' -bench Many ./internal/session/sql
func BenchmarkMany(b *testing.B) {
	databases := map[string]func(b *testing.B) string{
		"sqlite":   func(b *testing.B) string { return sqlite(b) },
		"postgres": func(b *testing.B) string { return testserver.Postgres(b).Config() },
	}
	for name, database := range databases {
		for _, n := range []int{1000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				bench := open(b, database(b))
				ids := fill(b, bench, n)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						if _, ok, err := bench.Load(b.Context(), ids[i%len(ids)]); !ok {
							b.Fatal(ok, err)
						}
					}
				})
			})
		}
	}
}

// fill puts n sessions of a usual size into the database, and returns ids from all over it.
func fill(b *testing.B, bench sessiontest.Bench, n int) []session.ID {
	b.Helper()
	s := bench.Store.(*store)
	if err := s.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	value := strings.Repeat("v", 1500)
	for done := 0; done < n; done += 1000 {
		err := s.write.InTx(ctx, func(tx *sqlx.Tx) error {
			stmt, err := tx.PrepareContext(ctx, s.queries.insert)
			for i := 0; i < 1000 && err == nil; i++ {
				_, id := session.NewID()
				args := []any{1, 0, start.Add(time.Hour).UnixMilli(), "p", id.String(), "", value}
				_, err = stmt.ExecContext(ctx, append(args, s.args(id)...)...)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	var ids []session.ID
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM easgate_sessions ORDER BY subject LIMIT 30000")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, session.ID(id))
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return ids
}
