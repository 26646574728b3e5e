package assertion

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

// members stands in for the other languages: a plain path gives the value itself, not a list of matches.
type members struct{}

var plainPath = regexp.MustCompile(`^(?:return data\.|\.)?([\w.]+)$`)

func (members) Compile(expr string) (query.Query, error) {
	m := plainPath.FindStringSubmatch(expr)
	if m == nil {
		return nil, errors.New("not a plain path")
	}
	q, err := jsonpath.New(nil).Compile("$." + m[1])
	return value{q.(query.Single)}, err
}

type value struct{ query.Single }

func (v value) Eval(ctx context.Context, data any) (any, error) {
	got, ok, err := v.EvalOne(ctx, data)
	if !ok {
		got = query.Undefined{}
	}
	return got, err
}

func engines() query.Engines {
	return query.Engines{
		"jp": jsonpath.New(nil), "handlebars": handlebars.New(nil), "jq": members{}, "js": members{}, "jsonata": members{},
	}
}

func parseJSON(t testing.TB, text string) query.Value {
	v, err := query.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// outcome says what a set does, in the words of testdata/eas-rules.json.
func outcome(s *Set, data query.Value) string {
	switch ok, _, err := s.Eval(context.Background(), data); {
	case err != nil:
		return "error"
	case ok:
		return "holds"
	}
	return "does not hold"
}

type corpus struct {
	Data  json.RawMessage
	Cases []struct {
		ID    string
		Rules json.RawMessage
		Want  string
	}
}

// Recorded from external-auth-server 0.13.3: rules as pcb.skip, of which an error shows as the plugin's failure.
func readCorpus(t testing.TB) corpus {
	text, err := os.ReadFile("testdata/eas-rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var c corpus
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecorded(t *testing.T) {
	c := readCorpus(t)
	data := parseJSON(t, string(c.Data))
	before := query.JSON(data)
	for _, tt := range c.Cases {
		s, err := Compile(tt.Rules, engines(), false)
		if err != nil {
			t.Errorf("%s: Compile(%s): %v", tt.ID, tt.Rules, err)
			continue
		}
		// A second time: rules keep no state, and case_insensitive leaves data and rule alone.
		for range 2 {
			if got := outcome(s, data); got != tt.Want {
				t.Errorf("%s: %s: %s, want %s", tt.ID, tt.Rules, got, tt.Want)
			}
		}
		if tt.Want == "holds" || tt.Want == "does not hold" {
			if s.Err() != nil {
				t.Errorf("%s: Err() = %v", tt.ID, s.Err())
			}
		}
	}
	if after := query.JSON(data); after != before {
		t.Errorf("data changed: %s", after)
	}
}

func TestEval(t *testing.T) {
	data := parseJSON(t, `{"s":"ADMİN","k":"\u212a","n":5,"list":["a","B"],"nums":[1,2],"nul":null,"deep":[[1,2],{"a":1}],"odd":{"toString":1},"zero":0}`)
	rule := func(query, rule string) string {
		return `[{"query_engine":"jp","query":"` + query + `","rule":` + rule + `}]`
	}
	for _, tt := range []struct{ name, rules, want string }{
		{"nothing", ``, "holds"},
		{"no rules", `[]`, "holds"},
		{"no rules, as an object", `{}`, "holds"},
		{"a text is no list of rules", `"x"`, "error"},
		{"an object is none, either", `{"length":1}`, "error"},
		{"a list of nothing", `[null]`, "error"},
		{"lower case is Unicode's: İ is two characters", rule("$.s", `{"method":"eq","value":"admin","case_insensitive":true}`), "does not hold"},
		{"the Kelvin sign is a k in lower case", rule("$.k", `{"method":"eq","value":"K","case_insensitive":true}`), "holds"},
		{"several values", rule("$.list[*]", `{"method":"eq","value":"a"}`), "error"},
		{"several values are what contains is for", rule("$.nums[*]", `{"method":"contains-any","value":["1",2]}`), "holds"},
		{"contains is strict", rule("$.nums[*]", `{"method":"contains","value":"2"}`), "does not hold"},
		{"contains takes a list", `[{"query_engine":"js","query":"n","rule":{"method":"contains","value":5}}]`, "error"},
		{"a missing value contains nothing", rule("$.nope", `{"method":"contains","value":""}`), "does not hold"},
		{"a list of another engine", `[{"query_engine":"js","query":"nums","rule":{"method":"contains","value":2}}]`, "holds"},
		{"null has no case", rule("$.list[*]", `{"method":"contains","value":null,"case_insensitive":true}`), "error"},
		{"zero is not empty", rule("$.zero", `{"method":"empty"}`), "does not hold"},
		{"an object that hides toString", rule("$.odd", `{"method":"eq","value":"x"}`), "error"},
		{"negation does not turn an error", rule("$.odd", `{"method":"regex","value":"/x/","negate":true}`), "error"},
		{"the pattern is put in lower case, too", rule("$.list[0]", `{"method":"regex","value":"/^\\S$/","case_insensitive":true}`), "does not hold"},
		{"a pattern in a list is a text", rule("$.list[0]", `{"method":"regex","value":["/^a$/"]}`), "holds"},
		{"a list as text", rule("$.deep[0]", `{"method":"eq","value":"1,2"}`), "holds"},
		{"fields are case-sensitive", rule("$.n", `{"method":"eq","value":5,"Negate":true}`), "holds"},
		{"the first rule that does not hold hides later errors",
			`[{"query_engine":"jp","query":"$.n","rule":{"method":"eq","value":6}},{"query_engine":"zz","query":"","rule":{}}]`, "does not hold"},
		{"all must hold", `[{"query_engine":"jp","query":"$.n","rule":{"method":"eq","value":5}},{"query_engine":"zz","query":"","rule":{}}]`, "error"},
	} {
		s, err := Compile(json.RawMessage(tt.rules), engines(), false)
		if err != nil {
			t.Errorf("%s: Compile: %v", tt.name, err)
			continue
		}
		if got := outcome(s, data); got != tt.want {
			t.Errorf("%s: %s: %s, want %s", tt.name, tt.rules, got, tt.want)
		}
	}
}

func TestFailed(t *testing.T) {
	s, err := Compile(json.RawMessage(`[
		{"query_engine":"jp","query":"$.n","rule":{"method":"eq","value":5}},
		{"query_engine":"handlebars","query":"{{secret}}","rule":{"method":"regex","value":"/hunter2/","negate":true}}]`), engines(), true)
	if err != nil {
		t.Fatal(err)
	}
	ok, failed, err := s.Eval(context.Background(), parseJSON(t, `{"n":5,"secret":"hunter2"}`))
	if want := "rule 2 of 2 (handlebars, not regex)"; ok || err != nil || failed != want {
		t.Errorf("Eval = %v, %q, %v, want false, %q", ok, failed, err, want)
	}
}

func TestStrict(t *testing.T) {
	for _, tt := range []struct{ name, rules, want string }{
		{"no list", `{}`, "must be a list"},
		{"unknown field", `[{"query_engine":"jp","query":"$.a","rule":{"method":"eq","value":1},"x":1}]`, "[0].x: unknown option"},
		{"unknown field of the rule", `[{"query_engine":"jp","query":"$.a","rule":{"method":"eq","value":1,"Negate":true}}]`, "[0].rule.Negate: unknown option"},
		{"unknown method", `[{"query_engine":"jp","query":"$.a","rule":{"method":"startswith","value":1}}]`, `[0].rule.method: unknown method "startswith"`},
		{"unknown engine", `[{"query_engine":"zz","query":"$.a","rule":{"method":"empty"}}]`, query.ErrUnknownEngine.Error()},
		{"query that does not compile", `[{"query_engine":"jp","query":"$[","rule":{"method":"empty"}}]`, "[0].query: jp: "},
		{"bad regex", `[{"query_engine":"jp","query":"$.a","rule":{"method":"regex","value":"/(/"}}]`, "[0].rule.value: regexp: missing )"},
		{"in without a list", `[{"query_engine":"jp","query":"$.a","rule":{"method":"in","value":"x"}}]`, "[0].rule.value: must be a list"},
		{"no value", `[{"query_engine":"jp","query":"$.a","rule":{"method":"eq"}}]`, "[0].rule.value: required"},
		// JavaScript makes texts of lists of one.
		{"a regex in a list", `[{"query_engine":"jp","query":"$.a","rule":{"method":"regex","value":["/x/"]}}]`, "[0].rule.value: must be one value"},
		{"eq to a list", `[{"query_engine":"jp","query":"$.a","rule":{"method":"eq","value":["x"]}}]`, "[0].rule.value: must be one value"},
		{"a method in a list", `[{"query_engine":"jp","query":"$.a","rule":{"method":["eq"],"value":"x"}}]`, "[0].rule.method: must be a string"},
		{"negate as a text", `[{"query_engine":"jp","query":"$.a","rule":{"method":"empty","negate":"false"}}]`, "[0].rule.negate: must be true or false"},
		{"empty, ignoring case, always throws", `[{"query_engine":"jp","query":"$.a","rule":{"method":"empty","case_insensitive":true}}]`, "[0].rule.value: with case_insensitive"},
		{"query_opts", `[{"query_engine":"jp","query":"$.a","query_opts":{"single_value":true},"rule":{"method":"empty"}}]`, "[0].query_opts: "},
		{"no JSON", `[`, ""},
	} {
		_, err := Compile(json.RawMessage(tt.rules), engines(), true)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Compile = %v, want %q", tt.name, err, tt.want)
		}
		if tt.name == "no JSON" || tt.rules == "{}" || strings.Contains(tt.rules, `"x":1`) {
			continue
		}
		if s, err := Compile(json.RawMessage(tt.rules), engines(), false); err != nil || s == nil {
			t.Errorf("%s: Compile without strict = %v", tt.name, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	c := readCorpus(f)
	for _, tt := range c.Cases {
		f.Add([]byte(tt.Rules), []byte(c.Data))
	}
	f.Fuzz(func(t *testing.T, rules, doc []byte) {
		data, err := query.ParseJSON(doc)
		if err != nil {
			return
		}
		s, err := Compile(rules, engines(), false)
		if err != nil {
			return
		}
		if ok, failed, err := s.Eval(context.Background(), data); ok && (err != nil || failed != "") {
			t.Errorf("Eval(%s) = %v, %q, %v", rules, ok, failed, err)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	data := parseJSON(b, `{"req":{"headers":{"host":"a.example","accept":"*/*","x-forwarded-uri":"/a","authorization":"Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}},"groups":["a","b","c"]}`)
	for _, bb := range []struct{ name, rules string }{
		{"regex", `[{"query_engine":"jp","query":"$.req.headers.authorization","rule":{"method":"regex","value":"/^bearer/i"}}]`},
		{"eq", `[{"query_engine":"jp","query":"$.req.headers.host","rule":{"method":"eq","value":"a.example"}}]`},
		{"contains-any", `[{"query_engine":"jp","query":"$.groups[*]","rule":{"method":"contains-any","value":["x","c"]}}]`},
		{"handlebars", `[{"query_engine":"handlebars","query":"{{req.headers.host}}","rule":{"method":"in","value":["a.example"]}}]`},
	} {
		s, err := Compile(json.RawMessage(bb.rules), engines(), true)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, failed, err := s.Eval(context.Background(), data); !ok || err != nil {
					b.Fatal(failed, err)
				}
			}
		})
	}
}
