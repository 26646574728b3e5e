package assertion

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

// People in no group, in one and in several, as directories and issuers send them.
var people = []struct{ data, member, banned, only string }{
	{`{}`, "no", "no", "no"},
	{`{"groups":null}`, "no", "no", "no"},
	{`{"groups":[]}`, "no", "no", "no"},
	{`{"groups":"banned"}`, "no", "yes", "yes"},
	{`{"groups":["banned"]}`, "no", "yes", "yes"},
	{`{"groups":"member"}`, "yes", "no", "no"},
	{`{"groups":["member"]}`, "yes", "no", "no"},
	{`{"groups":["member","banned"]}`, "yes", "yes", "error"},
	{`{"groups":["member","other"]}`, "yes", "no", "error"},
}

// groupQueries look for the groups, each engine in its ways.
var groupQueries = map[string][]string{
	"jp": {"$.groups", "$.groups[*]", "$.groups.*", "$['groups'][*]", "$..groups", "$.groups[0:]", "$.groups[?(@)]"},
	"jq": {".groups", "[.groups]", "[.groups // empty] | flatten"},
}

// ATTACKS 67: in a native token one value and a list of that value are the same, in every engine alike.
func TestOneOrMany(t *testing.T) {
	testOneOrMany(t, query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}, groupQueries)
}

func testOneOrMany(t *testing.T, engines query.Engines, queries map[string][]string) {
	answer := map[string]string{"holds": "yes", "does not hold": "no", "error": "error"}
	for engine, exprs := range queries {
		for _, expr := range exprs {
			eval := func(data, spec string) string {
				rules := fmt.Sprintf(`[{"query_engine":%q,"query":%q,"rule":%s}]`, engine, expr, spec)
				s, err := Compile(json.RawMessage(rules), engines, true)
				if err != nil {
					t.Fatalf("Compile(%s): %v", rules, err)
				}
				return answer[outcome(s, parseJSON(t, data))]
			}
			for _, p := range people {
				for _, tt := range []struct{ spec, want string }{
					{`{"method":"contains","value":"member"}`, p.member},
					{`{"method":"contains","value":"MEMBER","case_insensitive":true}`, p.member},
					{`{"method":"contains-any","value":["x","member"]}`, p.member},
					{`{"method":"contains-all","value":["member"]}`, p.member},
					{`{"method":"contains","value":"banned","negate":true}`, not(p.banned)},
					{`{"method":"contains-any","value":["banned"],"negate":true}`, not(p.banned)},
					{`{"method":"eq","value":"banned"}`, p.only},
					{`{"method":"in","value":["banned"]}`, p.only},
					{`{"method":"in","value":["banned"],"negate":true}`, not(p.only)},
					{`{"method":"regex","value":"/^banned$/","negate":true}`, not(p.only)},
				} {
					if got := eval(p.data, tt.spec); got != tt.want {
						t.Errorf("%s %s: %s of %s: %s, want %s", engine, expr, tt.spec, p.data, got, tt.want)
					}
				}
			}
			empty := `{"method":"empty"}`
			if strings.HasPrefix(expr, "[") {
				continue // a list, whatever is in it
			}
			for data, want := range map[string]string{`{}`: "yes", `{"groups":[]}`: "yes", `{"groups":"a"}`: "no", `{"groups":["a"]}`: "no", `{"groups":["a","b"]}`: "no"} {
				if got := eval(data, empty); got != want {
					t.Errorf("%s %s: empty of %s: %s, want %s", engine, expr, data, got, want)
				}
			}
		}
	}
}

func not(answer string) string {
	switch answer {
	case "yes":
		return "no"
	case "no":
		return "yes"
	}
	return answer
}

// An object is no list, and nobody guesses which part of it was meant.
func TestNativeObject(t *testing.T) {
	engines := query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}
	for engine, expr := range map[string]string{"jp": "$.groups", "jq": ".groups"} {
		s, err := Compile(json.RawMessage(fmt.Sprintf(`[{"query_engine":%q,"query":%q,"rule":{"method":"contains","value":"a","negate":true}}]`, engine, expr)), engines, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(s, parseJSON(t, `{"groups":{"a":1}}`)); got != "error" {
			t.Errorf("%s: %s, want an error", engine, got)
		}
	}
}

var suggested = regexp.MustCompile(`query_engine: (\w+), query: '([^']+)'`)

// What lint tells to write holds in both formats, for one value and for several.
func TestLintSuggestions(t *testing.T) {
	testLintSuggestions(t, query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}, groupQueries)
}

func testLintSuggestions(t *testing.T, engines query.Engines, queries map[string][]string) {
	answer := map[string]string{"holds": "yes", "does not hold": "no", "error": "error"}
	for engine, exprs := range queries {
		for _, expr := range exprs {
			var texts []string
			Lint(engine, expr, json.RawMessage(`{"method":"contains","value":"banned","negate":true}`), func(text string) { texts = append(texts, text) })
			for _, text := range texts {
				m := suggested.FindStringSubmatch(text)
				if m == nil {
					t.Fatalf("%s %s: %s: no query is suggested", engine, expr, text)
				}
				if strings.Contains(m[2], "…") {
					continue // to be completed
				}
				for _, strict := range []bool{false, true} {
					s, err := Compile(json.RawMessage(fmt.Sprintf(`[{"query_engine":%q,"query":%q,"rule":{"method":"contains","value":"banned","negate":true}}]`, m[1], m[2])), engines, strict)
					if err != nil {
						t.Fatal(err)
					}
					for _, p := range people {
						if got := answer[outcome(s, parseJSON(t, p.data))]; got != not(p.banned) {
							t.Errorf("%s, strict %v, of %s: %s, want %s", m[0], strict, p.data, got, not(p.banned))
						}
					}
				}
			}
		}
	}
}

func TestLint(t *testing.T) {
	for _, tt := range []struct{ name, engine, expr, rule, want string }{
		{"the one group is not found", "jp", "$.memberOf[*]", `{"method":"contains","value":"x","negate":true}`, "sent as text is not found, so that negate lets in; write query_engine: jq, query: '[.memberOf // empty] | flatten'"},
		{"several groups are not found", "jp", "$['custom:groups']", `{"method":"contains-any","value":["x"]}`, "a list within the list, and none of them is found; write query_engine: jq, query: '[.[\"custom:groups\"] // empty] | flatten'"},
		{"jq", "jq", ".realm_access.roles", `{"method":"contains","value":"x"}`, "one value is an error; write query_engine: jq, query: '[.realm_access.roles // empty] | flatten'"},
		{"jsonata", "jsonata", "realm_access.roles", `{"method":"contains","value":"x"}`, "query: '[realm_access.roles]'"},
		{"js", "js", "return data.roles", `{"method":"contains","value":"x"}`, "query: 'return [].concat(data.roles || [])'"},
		{"an audience may be a list", "jp", "$.aud", `{"method":"eq","value":"x"}`, "eq: several values are an error"},
		{"a subject is not", "jp", "$.sub", `{"method":"eq","value":"x"}`, ""},
		{"what holds for both", "jq", "[.groups // empty] | flatten", `{"method":"contains","value":"x"}`, ""},
		{"a query of one's own making", "jq", `.scope | split(" ")`, `{"method":"contains","value":"x"}`, ""},
		{"a path with @", "jp", "$.parentReqInfo.parsedUri.path", `{"method":"regex","value":"/^[/]@admin/","negate":true}`, "the path has %40 for @"},
		{"a path with a colon", "jq", ".parentReqInfo.parsedUri.path", `{"method":"in","value":["/v1/things:delete"]}`, "%3A for :"},
		{"a path with an escaped $", "jp", "$.parentReqInfo.parsedUri.path", `{"method":"regex","value":"/^.users\\$/"}`, "the path has %40"},
		{"an escape in the pattern", "jp", "$.parentReqInfo.parsedUri.path", `{"method":"regex","value":"/^[/]%40admin/"}`, "no escapes for letters"},
		{"a path without such", "jp", "$.parentReqInfo.parsedUri.path", `{"method":"regex","value":"/^[/](?:admin|api)(?=[/]|$).{0,3}x*(?!a)/"}`, ""},
		{"an escaped slash", "jp", "$.parentReqInfo.parsedUri.path", `{"method":"regex","value":"/group%2Fproject/"}`, ""},
		{"the whole URI", "jp", "$.parentReqInfo.uri", `{"method":"regex","value":"/admin/"}`, "ask parsedUri.path"},
		{"the one group is not found, so that there is none", "jp", "$.groups[?(@=='banned')]", `{"method":"empty"}`, "so that this holds; write query_engine: jq, query: '[.groups // empty] | flatten | map(select(…))'"},
		{"a value that is there or not", "jp", "$.groups", `{"method":"empty"}`, ""},
	} {
		var got []string
		Lint(tt.engine, tt.expr, json.RawMessage(tt.rule), func(text string) { got = append(got, text) })
		all := strings.Join(got, "\n")
		if tt.want == "" && all != "" || !strings.Contains(all, tt.want) {
			t.Errorf("%s: Lint = %q, want %q", tt.name, all, tt.want)
		}
	}
}

// A scope is a text with blanks at most issuers, and a list at some (RFC 8693 §4.2): what lint tells to write finds its words.
func TestLintScope(t *testing.T) {
	testLintScope(t, query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})},
		map[string][]string{"jp": {"$.scope", "$.scope[*]", "$['scope']"}, "jq": {".scope", `.["scope"]`, ".scope[]"}})
}

func testLintScope(t *testing.T, engines query.Engines, queries map[string][]string) {
	for engine, exprs := range queries {
		for _, expr := range exprs {
			var texts []string
			Lint(engine, expr, json.RawMessage(`{"method":"contains","value":"banned","negate":true}`), func(text string) { texts = append(texts, text) })
			m := suggested.FindStringSubmatch(strings.Join(texts, "\n"))
			if len(texts) != 1 || m == nil || !strings.Contains(texts[0], "one text with blanks, of which no word is found, so that negate lets in") {
				t.Errorf("%s %s: Lint = %q", engine, expr, texts)
				continue
			}
			for data, want := range map[string]string{
				`{"scope":"openid banned"}`: "does not hold", `{"scope":["openid","banned"]}`: "does not hold", `{"scope":"banned"}`: "does not hold",
				`{"scope":"openid"}`: "holds", `{"scope":["openid","x"]}`: "holds", `{"a":1}`: "holds",
			} {
				for _, strict := range []bool{false, true} {
					s, err := Compile(json.RawMessage(fmt.Sprintf(`[{"query_engine":%q,"query":%q,"rule":{"method":"contains","value":"banned","negate":true}}]`, m[1], m[2])), engines, strict)
					if err != nil {
						t.Fatal(err)
					}
					if got := outcome(s, parseJSON(t, data)); got != want {
						t.Errorf("%s, strict %v, of %s: %s, want %s", m[0], strict, data, got, want)
					}
				}
			}
		}
	}
}

// A token in external-auth-server's format keeps its meaning, the dangerous one included.
func TestOneOrManyInEAS(t *testing.T) {
	engines := query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}
	for _, tt := range []struct{ engine, expr, data, want string }{
		{"jp", "$.groups[*]", `{"groups":"banned"}`, "holds"},
		{"jp", "$.groups", `{"groups":["banned","x"]}`, "holds"},
		{"jq", ".groups", `{"groups":"banned"}`, "error"},
	} {
		s, err := Compile(json.RawMessage(fmt.Sprintf(`[{"query_engine":%q,"query":%q,"rule":{"method":"contains","value":"banned","negate":true}}]`, tt.engine, tt.expr)), engines, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(s, parseJSON(t, tt.data)); got != tt.want {
			t.Errorf("%s of %s: %s, want %s", tt.expr, tt.data, got, tt.want)
		}
	}
}
