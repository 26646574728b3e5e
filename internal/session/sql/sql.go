// Package sql keeps sessions in a database: a SQLite file for one machine, PostgreSQL, MariaDB or MySQL for several.
//
// What a save acknowledged is committed. The tables are made, and brought up to date, at the first use; the account
// needs the right to, or somebody makes them with the files in migrations. Every statement is one round trip, and all
// may be repeated: connections that died while they idled fail their first use.
package sql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// Config is the options of the store "sql".
type Config struct {
	// Config is the database, in knex's shape, as that of a store of config tokens.
	Config sqldb.Config `json:"config"`
}

const (
	// timeout bounds each call, connecting included.
	timeout = 3 * time.Second
	// attempts are how often a statement is sent that a broken connection or a deadlock ended.
	attempts = 3
)

type store struct {
	config  sqldb.Config
	dialect sqldb.Dialect
	queries queries
	now     func() time.Time

	// opening is held while prepare makes tables and pools; ready says that they are there.
	opening sync.Mutex
	ready   atomic.Bool
	// read and write are two pools for SQLite, where one connection writes, and else the same; nil before the first
	// use.
	read, write *sqldb.DB

	mu   sync.Mutex
	load *sql.Stmt // nil until the first use, after trouble, and for PostgreSQL
}

// New returns the store. It does not connect, nor make a file: a database that is down at the start is an error of each
// call until it is up.
func New(c Config, now func() time.Time) (session.Store, error) {
	c.Config.Silence, c.Config.PageCache = timeout, 8<<10
	if t := &c.Config.AcquireConnectionTimeout; *t == 0 || *t > sqldb.Millis(timeout) {
		*t = sqldb.Millis(timeout)
	}
	probe, err := sqldb.Open(c.Config)
	if err != nil {
		return nil, fmt.Errorf("config.%w", err)
	}
	s := &store{config: c.Config, dialect: probe.Dialect, now: now}
	s.queries, err = queriesFor(s.dialect)
	if err = errors.Join(err, probe.Close()); err != nil {
		return nil, err
	}
	return s, nil
}

// do runs f within the timeout, again when its connection broke.
func (s *store) do(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := s.prepare(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.dialect, err)
	}
	var err error
	for range attempts {
		if err = f(ctx); err == nil || errors.Is(err, session.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("%s: %w", s.dialect, err)
}

// prepare opens the pools and makes the tables, once.
func (s *store) prepare(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.ready.Load() {
		return nil
	}
	if err := s.open(); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if _, err := sqldb.Migrate(ctx, s.write, files, "easgate_sessions_migrations"); err != nil {
		return err
	}
	s.ready.Store(true)
	return nil
}

func (s *store) open() error {
	if s.write != nil {
		return nil
	}
	read, err := sqldb.Create(s.config)
	if err != nil {
		return err
	}
	write := read
	if s.dialect == sqldb.SQLite {
		one := s.config
		one.Pool.Max = 1
		if write, err = sqldb.Create(one); err != nil {
			return errors.Join(err, read.Close())
		}
	}
	s.read, s.write = read, write
	return nil
}

func (s *store) Load(ctx context.Context, id session.ID) (r session.Record, ok bool, err error) {
	if s.dialect == sqldb.SQLite && s.ready.Load() {
		// A lookup in a file waits for nobody, and the driver's watch for its end costs as much again.
		return s.find(context.Background(), id)
	}
	err = s.do(ctx, func(ctx context.Context) (err error) {
		r, ok, err = s.find(ctx, id)
		return err
	})
	return r, ok, err
}

func (s *store) find(ctx context.Context, id session.ID) (session.Record, bool, error) {
	row, err := s.loadRow(ctx, id)
	if err != nil {
		return session.Record{}, false, err
	}
	switch r, err := scan(row); {
	case errors.Is(err, sql.ErrNoRows):
		return session.Record{}, false, nil
	case err != nil:
		s.forget()
		return session.Record{}, false, err
	default:
		return r, true, nil
	}
}

// forget drops a statement that failed: restarted servers, and poolers, lose the ones that they prepared.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != nil {
		go s.load.Close() // waits for those who still use it
		s.load = nil
	}
}

// loadRow sends the query of Load, prepared where the dialect gains by it. PostgreSQL's is not: behind a pooler the
// next lookup may get a connection on which it is not.
func (s *store) loadRow(ctx context.Context, id session.ID) (*sql.Row, error) {
	now := s.now().UnixMilli()
	if s.dialect == sqldb.Postgres {
		return s.read.QueryRowContext(ctx, s.queries.load, append(s.args(id), now)...), nil
	}
	s.mu.Lock()
	stmt := s.load
	s.mu.Unlock()
	if stmt == nil {
		var err error
		if stmt, err = s.prepareLoad(ctx); err != nil {
			return nil, err
		}
	}
	return stmt.QueryRowContext(ctx, append(s.args(id), now)...), nil
}

// prepareLoad prepares the statement, which database/sql then prepares again on every new connection.
func (s *store) prepareLoad(ctx context.Context) (*sql.Stmt, error) {
	stmt, err := s.read.PrepareContext(ctx, s.queries.load)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != nil {
		go stmt.Close()
		return s.load, nil
	}
	s.load = stmt
	return stmt, nil
}

// scan reads a row of the columns of a record.
func scan(row interface{ Scan(...any) error }) (session.Record, error) {
	var r session.Record
	var id []byte
	var created, expires int64
	if err := row.Scan(&id, &r.Version, &created, &expires, &r.Provider, &r.Subject, &r.SID, &r.Value); err != nil {
		return session.Record{}, err
	}
	if len(id) != len(r.ID) {
		return session.Record{}, fmt.Errorf("a session whose id has %d bytes", len(id))
	}
	r.ID = session.ID(id)
	r.Created, r.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	return r, nil
}

func (s *store) Save(ctx context.Context, r session.Record) (int64, error) {
	if err := r.Check(); err != nil {
		return 0, err
	}
	err := s.do(ctx, func(ctx context.Context) error { return s.save(ctx, r) })
	if err != nil {
		return 0, err
	}
	return r.Version + 1, nil
}

func (s *store) save(ctx context.Context, r session.Record) error {
	query := s.queries.insert
	args := []any{r.Version + 1, r.Created.UnixMilli(), r.Expires.UnixMilli(), r.Provider, r.Subject, r.SID, r.Value}
	args = append(args, s.args(r.ID)...)
	if r.Version != 0 {
		query, args = s.queries.update, append(args, r.Version, s.now().UnixMilli())
	}
	if n, err := s.exec(ctx, query, args...); err != nil || n > 0 {
		return err
	}
	// Nothing was written: somebody was first, or it was this save, whose answer got lost.
	var version int64
	var value string
	err := s.write.QueryRowContext(ctx, s.queries.saved, s.args(r.ID)...).Scan(&version, &value)
	switch {
	case err == nil && version == r.Version+1 && value == r.Value:
		return nil
	case err == nil, errors.Is(err, sql.ErrNoRows):
		return session.ErrConflict
	}
	return err
}

func (s *store) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *store) Delete(ctx context.Context, id session.ID) error {
	return s.do(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, s.queries.delete, s.args(id)...)
		return err
	})
}

func (s *store) DeleteBy(ctx context.Context, m session.Match) (n int, err error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	where, args := s.where(m)
	query, _ := s.dialect.Rebind("DELETE FROM easgate_sessions WHERE " + where)
	err = s.do(ctx, func(ctx context.Context) error {
		deleted, err := s.exec(ctx, query, args...)
		n += int(deleted)
		return err
	})
	return n, err
}

// where is the condition of the records that live and that m names, with ? for its arguments.
func (s *store) where(m session.Match) (string, []any) {
	where, args := "expires_ms > ?", []any{s.now().UnixMilli()}
	for _, c := range []struct{ column, value string }{
		{"provider", m.Provider}, {"subject", m.Subject}, {"sid", m.SID},
	} {
		if c.value != "" {
			where, args = where+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	return where, args
}

func (s *store) Ready(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context) error { return s.read.Ready(ctx) })
}

func (s *store) Close() error {
	s.opening.Lock()
	defer s.opening.Unlock()
	switch s.write {
	case nil:
		return nil
	case s.read:
		return s.read.Close()
	}
	return errors.Join(s.write.Close(), s.read.Close())
}
