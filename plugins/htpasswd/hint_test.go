package htpasswd

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/problem"
)

// Lines that were something else before they came here; the hint says what happened to them, and holds no hash.
func TestHints(t *testing.T) {
	const bcrypt = "$2y$11$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."
	for _, tt := range []struct{ name, in, want string }{
		{"right", "u:" + bcrypt, ""},
		{"unknown, and nobody knows why", "u:$9$x", ""},
		{"Docker Compose", "u:" + strings.ReplaceAll(bcrypt, "$", "$$"), "Docker Compose"},
		{"a new line in letters", `u:` + bcrypt + `\nv:` + bcrypt, "no new line"},
		{"a Kubernetes secret", base64.StdEncoding.EncodeToString([]byte("u:" + bcrypt + "\n")), "Kubernetes"},
		{"a word", "password", ""},
	} {
		for _, native := range []bool{true, false} {
			got := ""
			reading{false, native}.parse(tt.in, func(err error) {
				got = problem.HintOf(err)
				if strings.Contains(err.Error()+got, bcrypt[10:]) {
					t.Errorf("%s: %v shows the hash", tt.name, err)
				}
			})
			if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("%s: hint %q, want %q", tt.name, got, tt.want)
			}
		}
	}
}
