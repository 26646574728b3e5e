package sql

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/sqldb"
)

func (s *store) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	return s.claim(ctx, sha256.Sum256([]byte("once "+key)), rand.Text(), until)
}

func (s *store) Lease(ctx context.Context, id session.ID, ttl time.Duration) (func(), bool, error) {
	name, holder := sha256.Sum256(append([]byte("lease "), id[:]...)), rand.Text()
	ok, err := s.claim(ctx, name, holder, s.now().Add(ttl))
	if err != nil || !ok {
		return nil, false, err
	}
	return func() {
		// A lease that cannot be given back ends by itself. Who releases it may have no time left, and does not wait.
		ctx := context.WithoutCancel(ctx)
		_ = s.do(ctx, func(ctx context.Context) error {
			_, err := s.exec(ctx, s.queries.release, name[:], holder)
			return err
		})
	}, true, nil
}

// claim takes name for holder until then, and reports whether it got it: a claim that is over goes to the next.
func (s *store) claim(ctx context.Context, name [32]byte, holder string, until time.Time) (got bool, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		n, err := s.exec(ctx, s.queries.claim, name[:], holder, until.UnixMilli(), s.now().UnixMilli())
		if err != nil {
			return err
		}
		if got = n > 0; got {
			return nil
		}
		// Somebody has it: perhaps holder, by an attempt whose answer got lost.
		var now string
		err = s.write.QueryRowContext(ctx, s.queries.holder, name[:]).Scan(&now)
		got = err == nil && now == holder
		if errors.Is(err, sql.ErrNoRows) { // given back in between: the caller may ask again
			return nil
		}
		return err
	})
	return got, err
}

func (s *store) Sweep(ctx context.Context) (total int, err error) {
	for _, query := range []string{s.queries.sweep, s.queries.sweepClaims} {
		for n := int64(1); n > 0; {
			err := s.do(ctx, func(ctx context.Context) (err error) {
				n, err = s.exec(ctx, query, s.now().UnixMilli())
				return err
			})
			if err != nil {
				return total, err
			}
			if query == s.queries.sweep {
				total += int(n)
			}
		}
	}
	return total, nil
}

// page is how many records All reads at once.
const page = 500

func (s *store) All(ctx context.Context, m session.Match) iter.Seq2[session.Record, error] {
	return func(yield func(session.Record, error) bool) {
		where, args := s.where(m)
		query, _ := s.dialect.Rebind("SELECT " + columns + " FROM easgate_sessions WHERE " + where +
			" AND " + s.queries.key + " > ? ORDER BY " + s.queries.key + " LIMIT ?")
		var after any = []byte{}
		if s.dialect == sqldb.SQLite {
			after = int64(math.MinInt64) // no session's: its id would end with 0x80 and seven zeros
		}
		for {
			var records []session.Record
			err := s.do(ctx, func(ctx context.Context) (err error) {
				records, err = s.list(ctx, query, append(args[:len(args):len(args)], after, page))
				return err
			})
			if err != nil {
				yield(session.Record{}, err)
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			if len(records) < page {
				return
			}
			after = s.key(records[page-1].ID)
		}
	}
}

func (s *store) list(ctx context.Context, query string, args []any) (records []session.Record, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}
