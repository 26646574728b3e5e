package migrate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/lint"
)

// loginPlugins are types of external-auth-server that easgate may not have; a type that neither has is a mistake.
var loginPlugins = []string{"oidc", "oauth2"}

// plugin says what becomes of the i-th entry of a token's plugins. last is the last of several.
func (j *judge) plugin(i int, raw json.RawMessage, last bool) (name string, list []remark) {
	e := lint.EntryOf(raw) // what does not fit was said when it was compiled
	name = e.Type
	path := fmt.Sprintf("plugins[%d]: %s", i, e.Type)
	add := func(kind remarkKind, text string) {
		list = append(list, remark{kind, lint.Finding{Path: path, Text: text}})
	}
	factory, known := j.compiler.Plugins[e.Type]
	switch {
	case known:
	case slices.Contains(loginPlugins, e.Type):
		add(unsupported, "this version has no such plugin: it is passed over, and nobody logs in by it")
	default:
		name = "unknown type"
		add(unsupported, "external-auth-server passes over a type that it does not know, in silence; take it out")
	}
	_, skips := e.PCB["skip"]
	if last && (skips || !known) {
		add(differs, "when this last plugin is passed over, external-auth-server answers 503 whatever came before; "+
			"a native token gives the answer of the last plugin that ran")
	}
	if known {
		factory.Migrate(raw, func(text string) { add(differs, text) })
	}
	if e.Type == "request_js" && !j.cfg.AllowEval {
		add(unsupported, "JavaScript is off: set EAS_ALLOW_EVAL=true if it is meant to run")
	}
	return name, list
}

var (
	jqOutside = regexp.MustCompile(`\$ENV\b|\benv\b|\$__prog_args\b|\binputs?\b|\$__loc__`)
	// upperClass is a class of characters that lower-casing turns into another one.
	upperClass = regexp.MustCompile(`\\[SDWB]|[A-Z]-[A-Z]`)
)

// query says what becomes of one query, and of the rule that it belongs to.
func (j *judge) query(path, engine, expr string, rule json.RawMessage) (list []remark) {
	path = strings.TrimPrefix(path, "eas.")
	add := func(kind remarkKind, text string) {
		list = append(list, remark{kind, lint.Finding{Path: path, Text: text}})
	}
	switch {
	case engine == "jq" && jqOutside.MatchString(expr):
		add(unsupported, "jq sees no environment, arguments or inputs here; "+
			"there it reads all of the process's environment, secrets included")
	case engine == "js" && !j.cfg.AllowEval:
		add(unsupported, "JavaScript is off: set EAS_ALLOW_EVAL=true if it is meant to run")
	case engine != "jp" && engine != "jq" && engine != "static" && strings.Contains(path, "custom_"):
		add(differs, "external-auth-server knows only jp and jq in headers and leaves this one out; a native token sends it")
	}
	var r struct {
		Method string `json:"method"`
		Value  any    `json:"value"`
		Fold   bool   `json:"case_insensitive"`
	}
	_ = json.Unmarshal(rule, &r)
	if text, ok := r.Value.(string); ok && r.Method == "regex" && r.Fold && upperClass.MatchString(text) {
		add(unsafe, `case_insensitive lower-cases the pattern too, there and here: \S becomes \s. Use the flag i instead`)
	}
	return list
}
