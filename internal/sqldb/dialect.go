package sqldb

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/problem"
)

// A Dialect is the SQL that a kind of database understands. The zero value is none.
type Dialect uint8

// The dialects; MariaDB is MySQL, CockroachDB and Redshift are Postgres.
const (
	SQLite Dialect = iota + 1
	MySQL
	Postgres
	SQLServer
	Oracle
)

var clients = map[string]Dialect{
	"sqlite3": SQLite, "better-sqlite3": SQLite, "sqlite": SQLite,
	"mysql": MySQL, "mysql2": MySQL, "mariadb": MySQL,
	"pg": Postgres, "postgres": Postgres, "postgresql": Postgres, "pgnative": Postgres,
	"cockroachdb": Postgres, "redshift": Postgres,
	"mssql":    SQLServer,
	"oracledb": Oracle, "oracle": Oracle,
}

// ParseClient returns the dialect of a knex client.
func ParseClient(name string) (Dialect, error) {
	d, ok := clients[name]
	if !ok {
		known := slices.Sorted(maps.Keys(clients))
		return 0, problem.Suggest(fmt.Errorf("unknown client %q: want one of %s", name, strings.Join(known, ", ")), name,
			known...)
	}
	return d, nil
}

// String returns the name in lower case: sqlite, mysql, postgres, sqlserver, oracle.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case MySQL:
		return "mysql"
	case Postgres:
		return "postgres"
	case SQLServer:
		return "sqlserver"
	case Oracle:
		return "oracle"
	}
	return "no dialect"
}

// placeholder is the n-th argument in d's SQL, counted from 1.
func (d Dialect) placeholder(n int) string {
	switch d {
	case Postgres:
		return "$" + strconv.Itoa(n)
	case SQLServer:
		return "@p" + strconv.Itoa(n)
	case Oracle:
		return ":" + strconv.Itoa(n)
	}
	return "?"
}

// Rebind replaces the ? placeholders of query by d's own and returns how many there were. As in knex, \? is a question
// mark and no placeholder; unlike there, so is one inside quotes or a comment.
func (d Dialect) Rebind(query string) (string, int) {
	var b strings.Builder
	n := 0
	for i := 0; i < len(query); {
		if end := d.skip(query[i:]); end > 0 {
			b.WriteString(query[i : i+end])
			i += end
			continue
		}
		switch {
		case strings.HasPrefix(query[i:], `\?`):
			b.WriteByte('?')
			i += 2
		case query[i] == '?':
			n++
			b.WriteString(d.placeholder(n))
			i++
		default:
			b.WriteByte(query[i])
			i++
		}
	}
	return b.String(), n
}

// skip returns the length of the quoted text, quoted name or comment that s begins with, 0 if it begins with none.
// What is not closed reaches to the end: the database will say so.
func (d Dialect) skip(s string) int {
	until := func(from int, end string) int {
		if i := strings.Index(s[from:], end); i >= 0 {
			return from + i + len(end)
		}
		return len(s)
	}
	switch {
	case strings.HasPrefix(s, "--"):
		return until(2, "\n")
	case strings.HasPrefix(s, "/*"):
		return until(2, "*/")
	case s[0] == '`' && d != Postgres:
		return until(1, "`")
	case s[0] == '[' && (d == SQLServer || d == SQLite):
		return until(1, "]")
	case s[0] == '\'' || s[0] == '"':
		// A doubled quote inside ends one text and begins the next, which comes to the same.
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && d == MySQL:
				i++
			case s[i] == s[0]:
				return i + 1
			}
		}
		return len(s)
	}
	return 0
}
