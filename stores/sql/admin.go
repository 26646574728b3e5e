package sql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/easgate/easgate/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// ErrUnknown says that there is no such id.
var ErrUnknown = errors.New("unknown id")

const (
	maxID     = 255      // characters
	maxSealed = 64 << 10 // bytes, less one: external-auth-server's column is a MySQL TEXT
)

// An Admin changes the tables of a store: config_tokens, as external-auth-server documents it, and beside it
// config_tokens_audit, which gains a row with every change, in the same transaction.
// It works with SQLite, MySQL, MariaDB and PostgreSQL.
type Admin struct {
	cfg sqldb.Config
	db  *sqldb.DB
	now func() time.Time
}

// NewAdmin prepares the administration of the store that c describes; it does not connect.
func NewAdmin(c Config, now func() time.Time) (*Admin, error) {
	db, err := sqldb.Open(c.Config)
	if err != nil {
		return nil, fmt.Errorf("config.%w", err)
	}
	return &Admin{c.Config, db, now}, nil
}

// Close gives back the connections.
func (a *Admin) Close() error { return a.db.Close() }

// Init makes the tables, and the file of a SQLite database, or brings them up to date. A table config_tokens that is
// there stays as it is. It returns the migrations that it applied; none means that all was up to date.
func (a *Admin) Init(ctx context.Context) ([]string, error) {
	db, err := sqldb.Create(a.cfg)
	if err != nil {
		return nil, fmt.Errorf("config.%w", err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return sqldb.Migrate(ctx, db, files, "config_tokens_migrations")
}

// A Record is one config token in the table.
type Record struct {
	ID      string `db:"id"`
	Sealed  string `db:"token"`
	Revoked bool   `db:"revoked"`
}

// Put stores sealed under id, in place of what is there, and takes back a revocation. who goes into the audit.
// An id has up to 255 characters, no control characters and no space at its ends; sealed is under 64 KB.
func (a *Admin) Put(ctx context.Context, who, id, sealed string) error {
	if err := checkText("id", id); err != nil {
		return err
	}
	if sealed == "" || len(sealed) >= maxSealed {
		return fmt.Errorf("config token: has %d bytes, want 1 to %d", len(sealed), maxSealed-1)
	}
	return a.change(ctx, who, id, func(tx *sqlx.Tx, old *Record) (string, string, error) {
		if old == nil {
			_, err := tx.ExecContext(ctx, tx.Rebind("INSERT INTO config_tokens (id, token, revoked) VALUES (?, ?, 0)"), id,
				sealed)
			return "put", sealed, err
		}
		_, err := tx.ExecContext(ctx, tx.Rebind("UPDATE config_tokens SET token = ?, revoked = 0 WHERE id = ?"), sealed, id)
		return "replace", sealed, err
	})
}

// Revoke makes id unknown to lookups and keeps its text. It returns [ErrUnknown] if there is no such id;
// revoking twice changes nothing.
func (a *Admin) Revoke(ctx context.Context, who, id string) error {
	return a.change(ctx, who, id, func(tx *sqlx.Tx, old *Record) (string, string, error) {
		switch {
		case old == nil:
			return "", "", fmt.Errorf("%q: %w", id, ErrUnknown)
		case old.Revoked:
			return "", "", nil
		}
		_, err := tx.ExecContext(ctx, tx.Rebind("UPDATE config_tokens SET revoked = 1 WHERE id = ?"), id)
		return "revoke", old.Sealed, err
	})
}

// change runs do with the record of id, nil if there is none, and writes the audit row of what it did to which text.
func (a *Admin) change(ctx context.Context, who, id string,
	do func(*sqlx.Tx, *Record) (what, sealed string, err error)) error {
	if err := checkText("who", who); err != nil {
		return err
	}
	return a.db.InTx(ctx, func(tx *sqlx.Tx) error {
		old, err := a.find(ctx, tx, id, a.locking())
		if err != nil {
			return err
		}
		what, sealed, err := do(tx, old)
		if err != nil || what == "" {
			return err
		}
		digest := sha256.Sum256([]byte(sealed))
		_, err = tx.ExecContext(ctx, tx.Rebind(
			"INSERT INTO config_tokens_audit (at_ms, who, what, token_id, digest) VALUES (?, ?, ?, ?, ?)"),
			a.now().UnixMilli(), who, what, id, hex.EncodeToString(digest[:]))
		return err
	})
}

// locking keeps others from changing the row that a transaction has read. SQLite's transactions lock the database.
func (a *Admin) locking() string {
	if a.db.Dialect == sqldb.SQLite {
		return ""
	}
	return " FOR UPDATE"
}

// Get returns the record of id, or [ErrUnknown].
func (a *Admin) Get(ctx context.Context, id string) (Record, error) {
	r, err := a.find(ctx, a.db, id, "")
	if err != nil {
		return Record{}, err
	}
	if r == nil {
		return Record{}, fmt.Errorf("%q: %w", id, ErrUnknown)
	}
	return *r, nil
}

type queryer interface {
	sqlx.QueryerContext
	Rebind(string) string
}

// find returns the record of id, nil if there is none. A table that takes another id for this one is an error,
// because a change would hit the other.
func (a *Admin) find(ctx context.Context, q queryer, id, suffix string) (*Record, error) {
	var r Record
	err := sqlx.GetContext(ctx, q, &r, q.Rebind("SELECT id, token, revoked FROM config_tokens WHERE id = ?"+suffix), id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", a.db.Dialect, err)
	}
	if r.ID = strings.TrimRight(r.ID, " "); r.ID != id { // CHAR columns of PostgreSQL are padded
		return nil, fmt.Errorf("id %q: the table takes it for %q: give its column id a binary collation, utf8mb4_bin for "+
			"MySQL", id, r.ID)
	}
	return &r, nil
}

// A Page selects a part of a long answer.
type Page struct {
	// Limit is how many there are at most; 0 means 100.
	Limit int
	// Contains selects ids by a piece of them; "" means all.
	Contains string
	// After is the last id of the page before, "" for the first.
	After string
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 100
	}
	return p.Limit
}

// List returns records in the order of their ids.
func (a *Admin) List(ctx context.Context, p Page) ([]Record, error) {
	query, args := "SELECT id, token, revoked FROM config_tokens WHERE 1 = 1", []any{}
	if p.After != "" {
		query, args = query+" AND id > ?", append(args, p.After)
	}
	if p.Contains != "" {
		like := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(p.Contains) + "%"
		query, args = query+" AND id LIKE ? ESCAPE '!'", append(args, like)
	}
	records := []Record{}
	err := a.db.SelectContext(ctx, &records, a.db.Rebind(query+" ORDER BY id LIMIT ?"), append(args, p.limit())...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.db.Dialect, err)
	}
	for i := range records {
		records[i].ID = strings.TrimRight(records[i].ID, " ")
	}
	return records, nil
}

// A Change is a row of the audit.
type Change struct {
	// Seq grows with time.
	Seq int64
	At  time.Time
	Who string
	// What is put, replace or revoke.
	What    string
	TokenID string
	// Digest is the SHA-256 of the sealed text that was put or revoked, in hexadecimal.
	Digest string
}

// Audit returns the latest changes, of the token with that id or, for "", of all, newest first; limit 0 means 100.
func (a *Admin) Audit(ctx context.Context, id string, limit int) ([]Change, error) {
	query, args := "SELECT seq, at_ms, who, what, token_id, digest FROM config_tokens_audit", []any{}
	if id != "" {
		query, args = query+" WHERE token_id = ?", append(args, id)
	}
	rows, err := a.db.QueryContext(ctx, a.db.Rebind(query+" ORDER BY seq DESC LIMIT ?"),
		append(args, Page{Limit: limit}.limit())...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.db.Dialect, err)
	}
	defer rows.Close()
	changes := []Change{}
	for rows.Next() {
		var c Change
		var ms int64
		if err := rows.Scan(&c.Seq, &ms, &c.Who, &c.What, &c.TokenID, &c.Digest); err != nil {
			return nil, fmt.Errorf("%s: %w", a.db.Dialect, err)
		}
		c.At = time.UnixMilli(ms).UTC()
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// checkText refuses what some database would change or another tool could not show.
func checkText(name, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: required", name)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%s: want text without control characters", name)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("%s: must not begin or end with a space", name)
	case utf8.RuneCountInString(text) > maxID:
		return fmt.Errorf("%s: has %d characters, want %d at most", name, utf8.RuneCountInString(text), maxID)
	}
	return nil
}
