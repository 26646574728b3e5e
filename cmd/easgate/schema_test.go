package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/plugins/builtin"
)

// tokenSchema is what the command prints, compiled by somebody else's validator.
func tokenSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	c := testCLI()
	c.Out = &out
	if code := run(t.Context(), c, []string{"token", "schema"}); code != 0 {
		t.Fatalf("token schema exits with %d", code)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("token.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("token.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// sealable is the compiler that seals, scripts allowed.
func sealable(t *testing.T) *pipeline.Compiler {
	t.Helper()
	c, _, done := compiler(&config.Config{AllowEval: true, VerifyTimeout: time.Second}, slog.New(slog.DiscardHandler), time.Now)
	t.Cleanup(done)
	return c
}

// Every plugin's example is one that an editor does not complain about.
func TestSchemaTakesExamples(t *testing.T) {
	s := tokenSchema(t)
	files, err := filepath.Glob("../../plugins/*/testdata/config.json")
	if err != nil || len(files) < len(builtin.Registry()) {
		t.Fatalf("%d examples for %d plugins, %v", len(files), len(builtin.Registry()), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, fmt.Appendf(nil, `{"eas":{"plugins":[%s]}}`, text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// fencedBlocks are the blocks of a Markdown file that hold YAML or JSON.
var fencedBlocks = regexp.MustCompile("(?ms)^```(?:yaml|json)\n(.*?)^```")

// The config tokens in the documentation are sealed and validated as a reader's copy would be.
func TestDocumentedTokens(t *testing.T) {
	s, compiler := tokenSchema(t), sealable(t)
	seen := 0
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/*/*.md", "../../nginx/*.md", "../../examples/*/*.md", "../../plugins/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range fencedBlocks.FindAllSubmatchIndex(text, -1) {
				block := text[m[2]:m[3]]
				where := fmt.Sprintf("%s:%d", file, 2+bytes.Count(text[:m[0]], []byte("\n")))
				claims, err := document.Convert(block)
				if err != nil {
					t.Errorf("%s: %v", where, err)
					continue
				}
				if !hasPlugins(claims) {
					continue
				}
				seen++
				if err := validate(s, claims); err != nil {
					t.Errorf("%s: schema: %v", where, err)
				}
				// The one with every language needs the bundled libraries: TestDocumentedQueries.
				if err := compiler.Check(claims); err != nil && !strings.HasSuffix(file, "/queries.md") {
					t.Errorf("%s: sealing: %v", where, err)
				}
			}
		}
	}
	if seen < len(builtin.Registry()) {
		t.Errorf("%d config tokens in the documentation, want at least one for each plugin", seen)
	}
}

// The tokens that stand in files of their own are held to the same.
func TestExampleTokens(t *testing.T) {
	s, compiler := tokenSchema(t), sealable(t)
	for _, pattern := range []string{"../../examples/*/*.y*ml", "../../examples/*/*.json", "../../nginx/*.y*ml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := document.Convert(text)
			if err != nil || !hasPlugins(claims) { // a proxy's configuration
				continue
			}
			if err := errors.Join(validate(s, claims), compiler.Check(claims)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// An editor knows every language that rules may use.
func TestSchemaKnowsEngines(t *testing.T) {
	s := tokenSchema(t)
	for engine := range sealable(t).Env.Query {
		for _, token := range []string{
			`{"eas":{"plugins":[{"type":"noop","pcb":{"skip":[{"query_engine":%q,"query":"a","rule":{"method":"empty"}}]}}]}}`,
			`{"eas":{"plugins":[{"type":"noop","custom_service_headers":{"X-A":{"source":"req","query_engine":%q,"query":"a"}}}]}}`,
		} {
			if err := validate(s, fmt.Appendf(nil, token, engine)); err != nil {
				t.Errorf("%s: %v", engine, err)
			}
		}
	}
}

// hasPlugins reports whether claims are a config token with plugins.
func hasPlugins(claims []byte) bool {
	var top struct {
		EAS struct {
			Plugins []json.RawMessage `json:"plugins"`
		} `json:"eas"`
	}
	return json.Unmarshal(claims, &top) == nil && len(top.EAS.Plugins) > 0
}

// stricter are recorded tokens that sealing takes and the schema does not, on purpose.
var stricter = map[string]string{
	"token-065":    "exp as text: such a token does not open",
	"store-073":    "plugins beside a pointer: nobody reads them",
	"htpasswd-101": "null for an option: leave it out",
	"pipeline-047": "null for an option: leave it out",
}

// What sealing takes, an editor must not call wrong: all tokens of the recording that a native token could hold.
func TestSchemaTakesWhatSealingTakes(t *testing.T) {
	s, compiler := tokenSchema(t), sealable(t)
	text, err := os.ReadFile("../../testdata/corpus/eas-corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Cases []struct {
			ID    string
			Plain json.RawMessage `json:"config_token_plain"`
		}
	}
	if err := json.Unmarshal(text, &recording); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, c := range recording.Cases {
		if !hasPlugins(c.Plain) || compiler.Check(c.Plain) != nil {
			continue
		}
		taken++
		if err := validate(s, c.Plain); (err == nil) != (stricter[c.ID] == "") {
			t.Errorf("%s: sealing takes it, the schema says %v, want %q\n%.400s", c.ID, err, stricter[c.ID], c.Plain)
		}
	}
	if taken < 100 {
		t.Errorf("only %d of the recorded tokens were looked at", taken)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := tokenSchema(t)
	plugin := func(entry string) string { return `{"eas":{"plugins":[` + entry + `]}}` }
	rule := func(rule string) string { return plugin(`{"type":"noop","pcb":{"skip":[` + rule + `]}}`) }
	tests := []struct{ name, in string }{
		{"no configuration", `{}`},
		{"a list", `[]`},
		{"no plugins", `{"eas":{}}`},
		{"an empty list of plugins", `{"eas":{"plugins":[]}}`},
		{"plugins as an object", `{"eas":{"plugins":{}}}`},
		{"an unknown member beside plugins", `{"eas":{"plugins":[{"type":"noop"}],"plugin":1}}`},
		{"half a pointer", `{"eas":{"config_token_store_id":"main"}}`},
		{"a pointer with plugins", `{"eas":{"config_token_store_id":"main","config_token_id":"a","plugins":[{"type":"noop"}]}}`},
		{"exp as text", `{"exp":"tomorrow","eas":{"plugins":[{"type":"noop"}]}}`},
		{"no type", plugin(`{}`)},
		{"an unknown type", plugin(`{"type":"nope"}`)},
		{"a null plugin", plugin(`null`)},
		{"an unknown option", plugin(`{"type":"noop","status":200}`)},
		{"another plugin's option", plugin(`{"type":"noop","htpasswd":"a:b"}`)},
		{"a status that is none", plugin(`{"type":"noop","status_code":99}`)},
		{"htpasswd without users", plugin(`{"type":"htpasswd"}`)},
		{"htpasswd that is no text", plugin(`{"type":"htpasswd","htpasswd":["a:b"]}`)},
		{"a cache_ttl as text", plugin(`{"type":"htpasswd","htpasswd":"a:b","cache_ttl":"60"}`)},
		{"header values that are numbers", plugin(`{"type":"request_header","headers":{"X-Key":1}}`)},
		{"forward without url", plugin(`{"type":"forward"}`)},
		{"ldap with an unknown option inside", plugin(`{"type":"ldap","connection":{"url":"ldap://h","searchBase":"","searchFilter":"(uid={{username}})","ulr":1}}`)},
		{"ldap without a filter", plugin(`{"type":"ldap","connection":{"url":"ldap://h","searchBase":""}}`)},
		{"jwt with a number as secret", plugin(`{"type":"jwt","config":{"secret":1}}`)},
		{"jwt with a broken audience", plugin(`{"type":"jwt","config":{"secret":"s","options":{"audience":{"regexp":"/x/"}}}}`)},
		{"pcb with an unknown member", plugin(`{"type":"noop","pcb":{"skipp":[]}}`)},
		{"rules that are no list", plugin(`{"type":"noop","pcb":{"skip":{"rule":1}}}`)},
		{"a rule without a query", rule(`{"query_engine":"jp","rule":{"method":"empty"}}`)},
		{"a rule in an unknown language", rule(`{"query_engine":"xpath","query":"/","rule":{"method":"empty"}}`)},
		{"a rule with an unknown method", rule(`{"query_engine":"jp","query":"$","rule":{"method":"is"}}`)},
		{"eq without a value", rule(`{"query_engine":"jp","query":"$","rule":{"method":"eq"}}`)},
		{"in without a list", rule(`{"query_engine":"jp","query":"$","rule":{"method":"in","value":"a"}}`)},
		{"empty with a value", rule(`{"query_engine":"jp","query":"$","rule":{"method":"empty","value":1}}`)},
		{"negate as text", rule(`{"query_engine":"jp","query":"$","rule":{"method":"empty","negate":"false"}}`)},
		{"a header from nowhere", plugin(`{"type":"noop","custom_service_headers":{"X-A":{"source":"nowhere"}}}`)},
		{"a header without a source", plugin(`{"type":"noop","custom_service_headers":{"X-A":{"query":"$"}}}`)},
		{"a header name that is none", plugin(`{"type":"noop","custom_service_headers":{"X A":{"source":"userinfo"}}}`)},
		{"a header with an unknown encoding", plugin(`{"type":"noop","custom_service_headers":{"X-A":{"source":"userinfo","encoding":"hex"}}}`)},
	}
	compiler := sealable(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if validate(s, []byte(tt.in)) == nil {
				t.Errorf("the schema takes %s", tt.in)
			}
			// The schema is no stricter than sealing, but for what opening the token's text looks at.
			pointer := strings.Contains(tt.in, "config_token_") || strings.Contains(tt.in, `"exp"`)
			if !pointer && compiler.Check(json.RawMessage(tt.in)) == nil {
				t.Errorf("sealing takes %s", tt.in)
			}
		})
	}
}

// The first example of a page does what the page says.
func TestDocumentedDecisions(t *testing.T) {
	documented(t, []decision{
		{"plugins: robots", "plugins/README.md", []string{"-H", "X-Api-Key: 4f1c7b6a0951d3e2"}, 0, "by plugins[0] request_header"},
		{"plugins: people are asked", "plugins/README.md", nil, cli.ExitNo, "status 401, by plugins[1] htpasswd"},
		{"rules: everything else is open", "rules.md", nil, 0, "by plugins[0] noop"},
		{"rules: admin needs a password", "rules.md", []string{"--uri", "https://app.example.com/admin/x"}, cli.ExitNo, "status 401, by plugins[1] htpasswd"},
		{"headers: an error header", "headers.md", []string{"--uri", "https://app.example.com/a b", "--show-headers"}, cli.ExitNo, "X-Denied-Path: %2Fa%2520b"},
		{"rules: in the office", "rules.md#2", []string{"-H", "X-Forwarded-For: 192.0.2.7"}, 0, "by plugins[0] noop"},
		{"rules: outside the office", "rules.md#2", []string{"-H", "X-Forwarded-For: 203.0.113.9"}, cli.ExitNo, "status 401, by plugins[1] htpasswd"},
		{"rules: nobody knows where", "rules.md#2", nil, cli.ExitNo, "the client's address is unknown"},
		{"rules: a preflight", "rules.md#3", []string{"-X", "OPTIONS", "-H", "Origin: https://b.example", "-H", "Access-Control-Request-Method: PUT"}, 0, "by plugins[0] noop"},
		{"rules: OPTIONS of something else", "rules.md#3", []string{"-X", "OPTIONS", "-H", "Origin: https://b.example"}, cli.ExitNo, "status 401"},
		{"rules: not a preflight", "rules.md#3", []string{"-H", "Origin: https://b.example", "-H", "Access-Control-Request-Method: PUT"}, cli.ExitNo, "status 401"},
		{"rules: scopes as a list", "rules.md#4", bearer(`{"scp":["x","reports:read"]}`), 0, "by plugins[0] jwt"},
		{"rules: another scope", "rules.md#4", bearer(`{"scope":"reports:readers"}`), cli.ExitNo, "status 403"},
		{"headers: groups", "headers.md#2", append(bearer(`{"sub":"a","groups":["x","y"],"given_name":"Łukasz","family_name":"O'Brien"}`), "--show-headers"), 0, "X-Groups: x,y"},
		{"headers: one group", "headers.md#2", append(bearer(`{"sub":"a","groups":"x"}`), "--show-headers"), 0, "X-Groups: x\n"},
		{"headers: no group", "headers.md#2", append(bearer(`{"sub":"a"}`), "--show-headers"), 0, "X-Groups: \n"},
		{"headers: a name", "headers.md#2", append(bearer(`{"sub":"a","given_name":"Łukasz","family_name":"O'Brien"}`), "--show-headers"), 0, "X-Name: Łukasz O'Brien\n"},
		{"headers: the subject", "headers.md#2", append(bearer(`{"sub":"山田"}`), "--show-headers"), 0, "X-Auth-Subject: 山田\n"},
		{"rules: one group", "rules.md#4", bearer(`{"scope":"x reports:read","groups":"staff"}`), 0, "by plugins[0] jwt"},
		{"rules: the one group is banned", "rules.md#4", bearer(`{"scope":"x reports:read","groups":"banned"}`), cli.ExitNo, "status 403"},
		{"rules: one of several is banned", "rules.md#4", bearer(`{"scope":"x reports:read","groups":["staff","banned"]}`), cli.ExitNo, "status 403"},
		{"rules: what an assertion saw", "rules.md#4", bearer(`{"scope":"x reports:read","groups":"banned"}`), cli.ExitNo, `gave ["banned"]; wanted: not contains "banned"`},
		{"noop", "plugins/noop.md", nil, cli.ExitNo, "status 403"},
		{"request_param", "plugins/request_param.md", []string{"--uri", "https://app.example.com/a?token=4f1c7b6a0951d3e2"}, 0, "by plugins[0] request_param"},
		{"request_js", "plugins/request_js.md", []string{"--allow-eval", "-H", "X-Api-Key: 4f1c7b6a0951d3e2"}, 0, "by plugins[0] request_js"},
		{"jwt asks for a token", "plugins/jwt.md", nil, cli.ExitNo, `Bearer realm="wonderland"`},
	})
}

// bearer is a JWT with these claims, signed by the secret of the examples.
func bearer(claims string) []string {
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte("an example's secret is known to everybody"))
	mac.Write([]byte(unsigned))
	return []string{"-H", "Authorization: Bearer " + unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))}
}

// A decision is what an example of a page does with a request: the first, or with page#2 the second.
type decision struct {
	name, page string
	args       []string
	exits      int
	says       string
}

func example(t *testing.T, page string) string {
	t.Helper()
	page, number, _ := strings.Cut(page, "#")
	n, _ := strconv.Atoi(number)
	return fencedAt(t, "../../docs/"+page, "yaml", max(n, 1))
}

func documented(t *testing.T, tests []decision) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token.yaml")
			if err := os.WriteFile(file, []byte(example(t, tt.page)), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"explain", "--file", file}, tt.args...)
			if !slices.Contains(args, "--uri") {
				args = append(args, "--uri", "https://app.example.com/a")
			}
			var out strings.Builder
			c := testCLI()
			c.Out, c.Err = &out, &out
			if code := run(t.Context(), c, args); code != tt.exits || !strings.Contains(out.String(), tt.says) {
				t.Errorf("%v exits with %d, want %d and %q:\n%s", args, code, tt.exits, tt.says, &out)
			}
		})
	}
}
