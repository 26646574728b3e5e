package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver
)

const (
	storeID   = "sql"
	pointedAt = "pointed-at"
)

func tokenID(i int) string { return fmt.Sprintf("token-%06d", i) }

// A store is an SQLite file with config tokens.
type store struct {
	db   *sql.DB
	path string
}

func newStore(path string) (*store, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(`CREATE TABLE tokens (id TEXT PRIMARY KEY, token TEXT NOT NULL)`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db, path}, nil
}

func (s *store) put(id, sealed string) error {
	_, err := s.db.Exec(`INSERT INTO tokens VALUES (?, ?)`, id, sealed)
	return err
}

// fill puts sealed tokens into the store, the i-th under tokenID(i).
func (s *store) fill(ctx context.Context, sealed []string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := insert(ctx, tx, sealed); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func insert(ctx context.Context, tx *sql.Tx, sealed []string) error {
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO tokens VALUES (?, ?)`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i, text := range sealed {
		if _, err := stmt.ExecContext(ctx, tokenID(i), text); err != nil {
			return err
		}
	}
	return nil
}

// config is EAS_CONFIG_TOKEN_STORES for s, as external-auth-server has it.
func (s *store) config() string {
	return fmt.Sprintf(`{%q: {"adapter": "sql", "options": {"cache_ttl": 3600, "query": "SELECT token FROM tokens WHERE id = ?",
		"config": {"client": "sqlite3", "connection": {"filename": %q}}}}}`, storeID, s.path)
}
