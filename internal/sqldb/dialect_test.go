package sqldb

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
)

// docs/stores.md names every client, and no others.
func TestClientsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `client` \\|(.*)$").FindSubmatch(text)
	if row == nil {
		t.Fatal("docs/stores.md: no row for client")
	}
	var got []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllSubmatch(row[1], -1) {
		got = append(got, string(m[1]))
	}
	if want := slices.Sorted(maps.Keys(clients)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("docs/stores.md: client has %q, want %q", got, want)
	}
}

func TestRebind(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		in      string
		want    string
		n       int
	}{
		{"mysql", MySQL, "SELECT token FROM t WHERE id = ?", "SELECT token FROM t WHERE id = ?", 1},
		{"postgres", Postgres, "SELECT token FROM t WHERE id = ? AND b = ?", "SELECT token FROM t WHERE id = $1 AND b = $2", 2},
		{"sqlserver", SQLServer, "SELECT token FROM t WHERE id = ?", "SELECT token FROM t WHERE id = @p1", 1},
		{"oracle", Oracle, "SELECT token FROM t WHERE id = ?", "SELECT token FROM t WHERE id = :1", 1},
		{"in text", Postgres, "SELECT 'a?''?' WHERE id = ?", "SELECT 'a?''?' WHERE id = $1", 1},
		{"in a name", Postgres, `SELECT "a?" FROM t WHERE id=?`, `SELECT "a?" FROM t WHERE id=$1`, 1},
		{"in backquotes", MySQL, "SELECT `a?` FROM t WHERE id=?", "SELECT `a?` FROM t WHERE id=?", 1},
		{"in brackets", SQLServer, "SELECT [a?] FROM t WHERE id=?", "SELECT [a?] FROM t WHERE id=@p1", 1},
		{"an array is no name", Postgres, "SELECT a[?]", "SELECT a[$1]", 1},
		{"in comments", Oracle, "SELECT 1 -- why?\n/* ? */ WHERE id=?", "SELECT 1 -- why?\n/* ? */ WHERE id=:1", 1},
		{"backslash in MySQL's text", MySQL, `SELECT '\'?' WHERE id=?`, `SELECT '\'?' WHERE id=?`, 1},
		{"backslash in standard text", Postgres, `SELECT '\' WHERE id=?`, `SELECT '\' WHERE id=$1`, 1},
		{"knex's escape", Postgres, `SELECT j \? 'k' WHERE id=?`, `SELECT j ? 'k' WHERE id=$1`, 1},
		{"none", Postgres, "SELECT '?'", "SELECT '?'", 0},
		{"open text", Postgres, "SELECT '? ", "SELECT '? ", 0},
		{"empty", Postgres, "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, n := tt.dialect.Rebind(tt.in); got != tt.want || n != tt.n {
				t.Errorf("Rebind(%s) = %s, %d, want %s, %d", tt.in, got, n, tt.want, tt.n)
			}
		})
	}
}
