//go:build integration

package sandbox

import (
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// JSONata takes these two functions from Node's Buffer, which is not in the sandbox. The answers are Node's.
func TestJSONataBase64(t *testing.T) {
	s := unhurried(t)
	for _, c := range []struct{ expr, want string }{
		{`$base64encode("")`, `""`},
		{`$base64encode("h")`, `"aA=="`},
		{`$base64encode("he")`, `"aGU="`},
		{`$base64encode("hello")`, `"aGVsbG8="`},
		{`$base64encode("ü")`, `"/A=="`},
		{`$base64encode("日")`, `"5Q=="`},
		{`$base64encode(none)`, ``},
		{`$base64decode("aGVsbG8=")`, `"hello"`},
		{`$base64decode("aGVs bG8")`, `"hello"`},
		{`$base64decode("-_-_") = $base64decode("+/+/")`, `true`},
		{`$base64decode("YQ==YQ==")`, `"a"`},
		{`$base64decode("a")`, `""`},
		{`$base64decode(none)`, ``},
	} {
		v, err := evaluate(s.JSONata(), c.expr, parse(t, `{}`))
		if err != nil || query.JSON(v) != c.want {
			t.Errorf("%s = %s, %v, want %s", c.expr, query.JSON(v), err, c.want)
		}
	}
}
