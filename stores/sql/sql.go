// Package sql is the store that keeps config tokens in a database, and the administration of its tables.
//
// A lookup is one round trip, with the operator's own query. Databases compare text loosely: without case, without
// trailing spaces, without accents. So a query that also selects the column id has the found id compared with the
// asked one, byte for byte, and another token's row is no answer. The query that external-auth-server documents does
// not, and is then as exact as the table's collation.
package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/sqldb"
	"github.com/easgate/easgate/stores"
)

// DefaultQuery fits the table that [Admin.Init] makes, and external-auth-server's.
const DefaultQuery = "SELECT id, token FROM config_tokens WHERE id = ? AND revoked != 1"

// Config is the options of a store with the adapter "sql".
type Config struct {
	// Query selects the column token, and should select the column id, of the row whose id is the one placeholder ?.
	// What it does not find is unknown or revoked. "" means DefaultQuery.
	Query string `json:"query"`
	// Config is the database.
	Config sqldb.Config `json:"config"`
	// Timeout bounds a lookup, connecting included; 0 means 3 seconds.
	Timeout stores.Seconds `json:"timeout"`
	stores.CacheOptions
}

type store struct {
	db      *sqldb.DB
	query   string
	timeout time.Duration
	log     *slog.Logger

	mu   sync.Mutex
	stmt *statement // nil until the first use, and after trouble
}

// New opens the store, behind a cache as the options say. It does not connect: a database that is down at the start is
// an error of each lookup until it is up.
func New(c Config, env stores.Env) (stores.Store, error) {
	s, err := open(c, env)
	if err != nil {
		return nil, err
	}
	return stores.NewCache(s, c.CacheOptions, env), nil
}

func open(c Config, env stores.Env) (*store, error) {
	if c.Query == "" {
		c.Query = DefaultQuery
	}
	if c.Timeout == 0 {
		c.Timeout = stores.Seconds(3 * time.Second)
	}
	c.Config.Silence, c.Config.Roots = time.Duration(c.Timeout), env.Roots
	c.Config.Warn = func(text string) { env.Log.Warn("tls: " + text) }
	if t := &c.Config.AcquireConnectionTimeout; *t == 0 || *t > sqldb.Millis(c.Timeout) {
		*t = sqldb.Millis(c.Timeout)
	}
	db, err := sqldb.Open(c.Config)
	if err != nil {
		return nil, fmt.Errorf("config.%w", err)
	}
	query, n := db.Dialect.Rebind(c.Query)
	if n != 1 {
		_ = db.Close()
		return nil, fmt.Errorf("query: has %d placeholders ?, want one, for the id, without quotes around it", n)
	}
	return &store{db: db, query: query, timeout: time.Duration(c.Timeout), log: env.Log}, nil
}

func (s *store) Lookup(ctx context.Context, id string) (string, bool, error) {
	// No text column holds these, and a database that refuses them looks like one that is down.
	if id == "" || !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
		return "", false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	sealed, ok, err := s.lookup(ctx, id)
	if err != nil && ctx.Err() == nil {
		// Connections that died while they idled fail their first use; a second failure is the database's.
		sealed, ok, err = s.lookup(ctx, id)
	}
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", s.db.Dialect, err)
	}
	return sealed, ok, nil
}

func (s *store) lookup(ctx context.Context, id string) (string, bool, error) {
	stmt, err := s.prepared(ctx)
	if err != nil {
		return "", false, err
	}
	sealed, ok, err := stmt.find(ctx, id)
	switch {
	case err == nil:
		return sealed, ok, nil
	case sqldb.Unfit(err): // the id is nothing that the column can hold: "abc" for a number, "日" for latin1
		return "", false, nil
	case ctx.Err() == nil:
		s.forget(stmt)
	}
	return "", false, err
}

// prepared returns the statement, which database/sql prepares anew on every new connection. PostgreSQL's is not
// prepared: behind a pooler the next lookup may get a connection on which it is not.
func (s *store) prepared(ctx context.Context) (*statement, error) {
	s.mu.Lock()
	stmt := s.stmt
	s.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	next := &statement{loose: s.db.Dialect == sqldb.MySQL || s.db.Dialect == sqldb.SQLServer, log: s.log}
	if s.db.Dialect == sqldb.Postgres {
		next.query = func(ctx context.Context, id string) (*sql.Rows, error) { return s.db.QueryContext(ctx, s.query, id) }
	} else {
		st, err := s.db.PrepareContext(ctx, s.query)
		if err != nil {
			return nil, err
		}
		next.query = func(ctx context.Context, id string) (*sql.Rows, error) { return st.QueryContext(ctx, id) }
		next.close = st.Close
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmt != nil {
		next.end()
		return s.stmt, nil
	}
	s.stmt = next
	return next, nil
}

// forget drops a statement that failed: restarted servers lose the ones that they prepared.
func (s *store) forget(stmt *statement) {
	s.mu.Lock()
	if s.stmt == stmt {
		s.stmt = nil
	}
	s.mu.Unlock()
	go stmt.end() // waits for those who still use it
}

// Ready asks the database for nothing but an answer.
func (s *store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.db.Ready(ctx)
}

func (s *store) Close() error { return s.db.Close() }

// A statement is the query and what its columns are.
type statement struct {
	query func(ctx context.Context, id string) (*sql.Rows, error)
	close func() error // nil if there is nothing to close
	// loose says that the dialect usually compares text without case and trailing spaces.
	loose bool
	log   *slog.Logger

	once   sync.Once
	err    error
	width  int
	token  int
	id     int // -1 without such a column
	padded bool
}

func (st *statement) end() {
	if st.close != nil {
		_ = st.close()
	}
}

func (st *statement) find(ctx context.Context, id string) (sealed string, ok bool, err error) {
	rows, err := st.query(ctx, id)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if st.once.Do(func() { st.err = st.describe(rows) }); st.err != nil {
		return "", false, st.err
	}
	var token, found sql.NullString
	var other sql.RawBytes
	into := make([]any, st.width)
	for i := range into {
		switch i {
		case st.token:
			into[i] = &token
		case st.id:
			into[i] = &found
		default:
			into[i] = &other
		}
	}
	// With a loose collation and no unique key there may be several rows, one of which is meant.
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", false, err
		}
		if st.is(id, found.String) {
			sealed = strings.TrimSpace(token.String) // NULL and blank: revoked
			return sealed, sealed != "", nil
		}
	}
	return "", false, rows.Err()
}

// is reports whether the row that was found is that of id.
func (st *statement) is(id, found string) bool {
	switch {
	case st.id < 0:
		return !st.loose || !strings.HasSuffix(id, " ")
	case st.padded:
		return strings.TrimRight(found, " ") == id
	}
	return found == id
}

func (st *statement) describe(rows *sql.Rows) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	st.width, st.token, st.id = len(types), -1, -1
	for i, t := range types {
		switch strings.ToLower(t.Name()) {
		case "token":
			st.token = i
		case "id":
			st.id = i
			name := t.DatabaseTypeName()
			st.padded = name == "CHAR" || name == "BPCHAR" || name == "NCHAR"
		}
	}
	if st.token < 0 {
		return errors.New("query: selects no column token")
	}
	if st.id < 0 && st.loose {
		st.log.Warn("store: the query does not select id: whether Admin finds admin is up to the table's collation",
			"hint", "SELECT id, token FROM …")
	}
	return nil
}
