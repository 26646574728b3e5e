package sql

import (
	"encoding/binary"
	"fmt"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/sqldb"
)

const columns = "id, version, created_ms, expires_ms, provider, subject, sid, value"

// queries are the statements in one dialect.
type queries struct {
	load, saved, insert, update, delete string
	claim, holder, release              string
	// The sweeps remove a part of what has expired.
	sweep, sweepClaims string
	// key is the column in whose order the table is stored.
	key string
}

func queriesFor(d sqldb.Dialect) (queries, error) {
	q := queries{key: "id"}
	is, insert, values := "id = ?", "id", "?"
	if d == sqldb.SQLite {
		q.key, is, insert, values = "key", "key = ? AND id = ?", "key, id", "?, ?"
	}
	q.load = "SELECT " + columns + " FROM easgate_sessions WHERE " + is + " AND expires_ms > ?"
	q.saved = "SELECT version, value FROM easgate_sessions WHERE " + is
	q.insert = "INSERT INTO easgate_sessions " +
		"(version, created_ms, expires_ms, provider, subject, sid, value, " + insert + ") " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, " + values + ") "
	q.update = "UPDATE easgate_sessions SET version = ?, created_ms = ?, expires_ms = ?, " +
		"provider = ?, subject = ?, sid = ?, value = ? " +
		"WHERE " + is + " AND version = ? AND expires_ms > ?"
	q.delete = "DELETE FROM easgate_sessions WHERE " + is
	q.claim = "INSERT INTO easgate_session_claims (name, holder, until_ms) VALUES (?, ?, ?) "
	q.holder = "SELECT holder FROM easgate_session_claims WHERE name = ?"
	q.release = "DELETE FROM easgate_session_claims WHERE name = ? AND holder = ?"
	sweep := "DELETE FROM %[1]s WHERE %[2]s IN (SELECT %[2]s FROM %[1]s WHERE %[3]s <= ? LIMIT 1000)"
	switch d {
	case sqldb.SQLite, sqldb.Postgres:
		q.insert += "ON CONFLICT DO NOTHING"
		q.claim += "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms " +
			"WHERE easgate_session_claims.until_ms <= ?"
	case sqldb.MySQL:
		// IGNORE would hide more than a duplicate. The server counts no row where nothing changed.
		q.insert += "ON DUPLICATE KEY UPDATE id = id"
		q.claim += "ON DUPLICATE KEY UPDATE holder = IF(until_ms <= ?, VALUES(holder), holder), " +
			"until_ms = IF(holder = VALUES(holder), VALUES(until_ms), until_ms)"
		sweep = "DELETE FROM %[1]s WHERE %[3]s <= ? LIMIT 1000"
	default:
		return q, fmt.Errorf("config.client: sessions are kept in SQLite, PostgreSQL, MariaDB and MySQL, not in %s", d)
	}
	q.sweep = fmt.Sprintf(sweep, "easgate_sessions", q.key, "expires_ms")
	q.sweepClaims = fmt.Sprintf(sweep, "easgate_session_claims", "name", "until_ms")
	for _, text := range []*string{
		&q.load, &q.saved, &q.insert, &q.update, &q.delete, &q.claim, &q.holder, &q.release, &q.sweep, &q.sweepClaims,
	} {
		*text, _ = d.Rebind(*text)
	}
	return q, nil
}

// key is what a row of id is stored under.
func (s *store) key(id session.ID) any {
	if s.dialect == sqldb.SQLite {
		return int64(binary.BigEndian.Uint64(id[len(id)-8:]))
	}
	return id[:]
}

// args are the arguments of the condition on id, before or after others.
func (s *store) args(id session.ID) []any {
	if s.dialect == sqldb.SQLite {
		return []any{s.key(id), id[:]}
	}
	return []any{id[:]}
}
