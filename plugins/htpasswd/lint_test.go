package htpasswd

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
)

func TestLint(t *testing.T) {
	const (
		cost12 = "u:$2y$12$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."
		cost11 = "u:$2y$11$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."
	)
	for _, tt := range []struct{ name, in, want string }{
		{"bcrypt of the usual cost", cost11, ""},
		{"bcrypt that takes a quarter of a second", cost12, `the hash of "u" takes about 0.2 s to check`},
		{"bcrypt that takes a second", dearLine, `the hash of "erin" takes about 1.0 s to check: when several log in at once they wait for each other, and beyond 9 a`},
		{"SHA-1", shaLine, `the hash of "carol" is one round of SHA-1`},
		{"MD5", apr1Line, `the hash of "bob" is MD5`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said []string
			(&Config{Htpasswd: plugins.Secret(tt.in)}).Lint(false, func(s string) { said = append(said, s) })
			if got := strings.Join(said, "\n"); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("Lint = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	for in, want := range map[string]bool{"u:" + sha: false, "u:" + sha + ":Alice": true, " u:" + sha: true, "u:" + sha + " ": true} {
		said := false
		(&Config{Htpasswd: plugins.Secret(in)}).Migrate(func(s string) { said = said || strings.HasPrefix(s, "htpasswd: blanks") })
		if said != want {
			t.Errorf("Migrate(%q) says something: %v, want %v", in, said, want)
		}
	}
}
