package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A DB is a pool of connections to one database.
type DB struct {
	*sqlx.DB
	Dialect Dialect
}

// Open prepares a pool for the database that cfg describes. No connection is made before the first use; a SQLite file
// that does not exist is an error of each use until it does.
func Open(cfg Config) (*DB, error) { return open(cfg, false) }

// Create is Open for a program that may make the database: a SQLite file that does not exist is made, readable by its
// owner alone, and set to write-ahead logging, so that writers and readers do not wait for each other.
// It changes nothing for the other dialects.
func Create(cfg Config) (*DB, error) { return open(cfg, true) }

func open(cfg Config, create bool) (*DB, error) {
	d, err := ParseClient(cfg.Client)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	conn, err := cfg.Connection.expand(d)
	if err != nil {
		return nil, err
	}
	if conn.Host == "" {
		conn.Host = conn.Server
	}
	if conn.User == "" {
		conn.User = conn.UserName
	}
	connecting := cfg.AcquireConnectionTimeout.or(3 * time.Second)
	cfg.AcquireConnectionTimeout = Millis(connecting)
	if cfg.Silence == 0 {
		cfg.Silence = 30 * time.Second
	}
	c, err := conn.newConnector(d, create, &cfg)
	if err != nil {
		return nil, err
	}
	if d == SQLite && create {
		f, err := os.OpenFile(conn.Filename, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("connection.filename: %w", err)
		}
		_ = f.Close()
	}
	secret := string(conn.Password)
	if secret == "" {
		secret = string(conn.ConnectionString)
	}
	db := sql.OpenDB(connector{c, connecting, secret})
	limit(db, d, cfg.Pool)
	return &DB{sqlx.NewDb(db, sqlxNames[d]), d}, nil
}

// sqlxNames are drivers whose placeholders sqlx knows; our own queries go through its Rebind.
var sqlxNames = map[Dialect]string{SQLite: "sqlite3", MySQL: "mysql", Postgres: "postgres", SQLServer: "sqlserver",
	Oracle: "oci8"}

// limit lets all connections idle, so that load does not open and close them all the time, and ages them:
// after half an hour a host name may mean another server, after half a minute a file may have been replaced.
func limit(db *sql.DB, d Dialect, p Pool) {
	most, life := 10, 30*time.Minute
	if d == SQLite {
		most, life = 4, 30*time.Second
	}
	if p.Max > 0 {
		most = p.Max
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(p.IdleTimeout.or(5 * time.Minute))
	db.SetConnMaxLifetime(life)
}

// Ready reports whether the database answers.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("%s: %w", db.Dialect, err)
	}
	return nil
}

// InTx runs do in a transaction, which is rolled back when do fails.
func (db *DB) InTx(ctx context.Context, do func(*sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// Unfit reports whether the database refused a parameter because no column that it is compared with can hold it: text
// for a number, or a letter outside the column's character set.
func Unfit(err error) bool {
	var pe *pq.Error
	if errors.As(err, &pe) {
		return pe.Code.Class() == "22" // data exception
	}
	var me *mysql.MySQLError
	return errors.As(err, &me) && slices.Contains([]uint16{
		1267, // illegal mix of collations: the column's with one that it cannot be converted to
		1366, // incorrect string value
		3854, // cannot convert string
	}, me.Number)
}

// ignoreDone forgives a rollback of what a lost connection or an ended context has rolled back already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
