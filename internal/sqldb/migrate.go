package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Migrate brings the database to the newest of the migrations in files, which holds one folder for each dialect
// (sqlite, mysql, postgres) with goose files in it. What was applied is kept in the table of that name, so that
// several owners of tables can share a database. Running it again changes nothing.
//
// It returns the names of the files that it applied.
func Migrate(ctx context.Context, db *DB, files fs.FS, table string) (applied []string, err error) {
	opts := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true)}
	var dialect goose.Dialect
	switch db.Dialect {
	case SQLite:
		dialect = goose.DialectSQLite3
	case MySQL:
		dialect = goose.DialectMySQL
	case Postgres:
		dialect = goose.DialectPostgres
		opts = append(opts, goose.WithLocker(&transactionLock{})) // two programs may start at the same time
		if most := db.Stats().MaxOpenConnections; most == 1 {
			db.SetMaxOpenConns(2) // one of them holds the lock
			defer db.SetMaxOpenConns(most)
		}
	default:
		return nil, fmt.Errorf("migrations: %s: there are none; make the table by hand", db.Dialect)
	}
	dir, err := fs.Sub(files, db.Dialect.String())
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, db.DB.DB, dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	results, err := p.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results, err = partial.Applied, fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	if err != nil {
		return applied, fmt.Errorf("migrations: %w", err)
	}
	return applied, nil
}

// migrationLock is the advisory lock of all migrations: "easgate" in hexadecimal.
const migrationLock = 0x65617367617465

// A transactionLock is PostgreSQL's advisory lock for as long as a transaction lasts, which a pooler leaves on one
// connection. A session's lock would stay behind on whichever connection took it.
type transactionLock struct{ tx *sql.Tx }

// Lock implements goose's lock.Locker.
func (l *transactionLock) Lock(ctx context.Context, db *sql.DB) (err error) {
	if l.tx, err = db.BeginTx(ctx, nil); err != nil {
		return err
	}
	if _, err = l.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
		return errors.Join(err, ignoreDone(l.tx.Rollback()))
	}
	return nil
}

// Unlock implements goose's lock.Locker.
func (l *transactionLock) Unlock(context.Context, *sql.DB) error { return ignoreDone(l.tx.Rollback()) }
