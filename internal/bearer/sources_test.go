package bearer

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
)

func carrier(t testing.TB, sources string) (*Carrier, error) {
	t.Helper()
	var s []Source
	if err := json.Unmarshal([]byte(sources), &s); err != nil {
		t.Fatal(err)
	}
	return NewCarrier("", "", s)
}

func TestSources(t *testing.T) {
	const all = `[{"header":"authorization","scheme":"Bearer"},{"cookie":"CF_Authorization"},{"query":"access_token"}]`
	for _, tt := range []struct {
		name, sources, authorization, cookie, query string
		want, from                                  string
		ok                                          bool
	}{
		{"the first", all, "Bearer a", "CF_Authorization=b", "access_token=c", "a", "header Authorization (bearer)", true},
		{"the second", all, "", "CF_Authorization=b", "access_token=c", "b", "cookie CF_Authorization", true},
		{"another scheme", all, "Basic a", "CF_Authorization=b", "", "b", "cookie CF_Authorization", true},
		{"the third", all, "", "", "access_token=c", "c", "query parameter access_token", true},
		{"their order", `[{"query":"t"},{"cookie":"c"}]`, "", "c=b", "t=c", "c", "query parameter t", true},
		{"none", all, "Basic x", "CF=b; XCF_Authorization=y", "access_tokens=c&Access_token=d", "", "", false},
		{"empty ones", all, "", "CF_Authorization=", "access_token=", "", "", false},
		{"nothing after the scheme", all, "Bearer", "CF_Authorization=b", "", "", "header Authorization (bearer)", true},

		{"among cookies", all, "", "a=1; CF_Authorization=b; c=3", "", "b", "cookie CF_Authorization", true},
		{"two cookies", all, "", "CF_Authorization=b;CF_Authorization=c", "", "b", "cookie CF_Authorization", true},
		{"an empty cookie first", all, "", "CF_Authorization=;CF_Authorization=c", "", "c", "cookie CF_Authorization", true},
		{"in quotes", all, "", `CF_Authorization="b"`, "", "b", "cookie CF_Authorization", true},
		{"case counts", all, "", "cf_authorization=b", "", "", "", false},
		{"a cookie in a cookie", all, "", "x=y CF_Authorization=b", "", "", "", false},

		{"among parameters", all, "", "", "a=1&access_token=c&b", "c", "query parameter access_token", true},
		{"an escaped name", all, "", "", "access%5ftoken=a%2eb", "a.b", "query parameter access_token", true},
		{"a broken escape", all, "", "", "access_token=%zz", "%zz", "query parameter access_token", true},
		// ATTACKS 87: which of two the application takes, nobody knows.
		{"twice", all, "", "", "access_token=c&access_token=d", "c, d", "query parameter access_token", true},
		{"twice, escaped", all, "", "", "access_token=c&access%5Ftoken=d", "c, d", "query parameter access_token", true},
		{"twice, the second empty", all, "", "", "access_token=c&access_token", "c, ", "query parameter access_token", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := carrier(t, tt.sources)
			if err != nil {
				t.Fatal(err)
			}
			r := &plugins.Request{Header: http.Header{}, URL: &url.URL{RawQuery: tt.query}}
			for name, value := range map[string]string{"Authorization": tt.authorization, "Cookie": tt.cookie} {
				if value != "" {
					r.Header[name] = []string{value}
				}
			}
			got, from, ok := c.Token(r)
			where := ""
			if from != nil {
				where = from.String()
			}
			if got != tt.want || ok != tt.ok || where != tt.from {
				t.Errorf("Token = %q from %q, %v, want %q from %q, %v", got, where, ok, tt.want, tt.from, tt.ok)
			}
		})
	}
}

func TestBadSources(t *testing.T) {
	for sources, want := range map[string]string{
		`[]`:                              "sources: empty",
		`[{}]`:                            "sources[0]: want one of header, cookie and query",
		`[{"cookie":"a"},{"scheme":"x"}]`: "sources[1]: want one of",
		`[{"cookie":"a","query":"b"}]`:    "sources[0]: want one of",
		`[{"cookie":"a","scheme":"x"}]`:   "sources[0]: scheme: needs header",
		`[{"cookie":"a;b"}]`:              "sources[0]: cookie: not the name",
		`[{"header":"X Y"}]`:              "sources[0]: header: not the name",
		`[{"header":"X","scheme":"a b"}]`: "sources[0]: scheme: want one word",
	} {
		if _, err := carrier(t, sources); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewCarrier(%s) = %v, want %s", sources, err, want)
		}
	}
	if _, err := NewCarrier("X-Jwt", "", []Source{{Cookie: "c"}}); err == nil {
		t.Error("NewCarrier(a header and sources) = nil, want an error")
	}
}

func TestLintSources(t *testing.T) {
	var said []string
	LintSources([]Source{{Cookie: "c"}, {Query: "t"}}, func(text string) { said = append(said, text) })
	if len(said) != 1 || !strings.HasPrefix(said[0], "sources[1].query: ") {
		t.Errorf("said %q, want one about sources[1].query", said)
	}
}

// Browsers know no Bearer: a refused cookie gets no challenge. What RFC 6750 knows does.
func TestSourcesChallenge(t *testing.T) {
	for sources, want := range map[string]string{
		`[{"cookie":"c"}]`:               ``,
		`[{"cookie":"c"},{"query":"t"}]`: `Bearer realm="r"`,
		`[{"header":"X-Jwt"}]`:           ``,
		`[{"header":"Authorization"}]`:   `Bearer realm="r"`,
	} {
		c, err := carrier(t, sources)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Refuse(http.StatusUnauthorized, "r", nil).Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: challenge %q, want %q", sources, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	e := &jwtverify.Error{Name: jwtverify.Invalid, Message: "m", Why: "w"}
	for want, s := range map[string]Source{
		"w":                           {Header: "Authorization", Scheme: "bearer"},
		"w, in the header X-Jwt":      {Header: "X-Jwt"},
		"w, in the query parameter t": {Query: "t"},
		"w, in the cookie c: a cookie of another site?": {Cookie: "c"},
	} {
		var got *jwtverify.Error
		if got, _ = s.Explain(e).(*jwtverify.Error); got == nil || got.Why != want || got.Message != "m" {
			t.Errorf("Explain(%s) = %+v, want %s", s.String(), got, want)
		}
	}
	if got := (&Source{Cookie: "c"}).Explain(&jwtverify.Error{Name: "TokenExpiredError"}); got.(*jwtverify.Error).Why != "in the cookie c" {
		t.Errorf("Explain(expired) = %+v", got)
	}
}
