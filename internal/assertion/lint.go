package assertion

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Lint says what is unsafe in a rule although it compiles: engine, expr and spec are its query_engine, query and rule.
func Lint(engine, expr string, spec json.RawMessage, say func(text string)) {
	var r struct {
		Method string          `json:"method"`
		Value  json.RawMessage `json:"value"`
		Negate bool            `json:"negate"`
	}
	_ = json.Unmarshal(spec, &r) // what does not fit is an error of the compilation
	lintIntegers(expr, r.Value, say)
	lintList(engine, expr, r.Method, r.Negate, say)
	lintPath(expr, r.Method, r.Value, say)
}

// A pathOf gives the members on the way, and whether it ends with a look at the elements.
var pathOf = map[string]*regexp.Regexp{
	"jp":      regexp.MustCompile(`^\$((?:\.[A-Za-z_]\w*|\['[^'\\]+'\]|\["[^"\\]+"\])+)(\[\*\]|\.\*|\[\?\(.*\)\])?$`),
	"jq":      regexp.MustCompile(`^\[?((?:\.[A-Za-z_]\w*|\.?\["[^"\\]+"\])+)(\[\]\??)?\]?$`),
	"jsonata": regexp.MustCompile("^(?:\\$\\.)?()((?:[A-Za-z_]\\w*|`[^`]+`)(?:\\.(?:[A-Za-z_]\\w*|`[^`]+`))*)$"),
	"js":      regexp.MustCompile(`^return (data(?:\.[A-Za-z_$]\w*|\["[^"\\]+"\]|\['[^'\\]+'\])+)();?$`),
}

var pathMember = regexp.MustCompile(`\.([A-Za-z_]\w*)|\.?\[["']([^"']+)["']\]`)

// oneOrMany are members that standards and directories let be one value or a list.
var oneOrMany = []string{"aud", "groups", "roles", "memberOf", "member", "amr", "entitlements", "authorities", "mail"}

// lintList warns of rules that mean another thing for one value than for several, as directories and issuers send them.
func lintList(engine, expr, method string, negate bool, say func(text string)) {
	re := pathOf[engine]
	if re == nil {
		return
	}
	m := re.FindStringSubmatch(strings.TrimSpace(expr))
	if m == nil {
		return
	}
	scope := scopeName.MatchString(m[1] + m[2])
	query := sameQuery(engine, m, scope)
	switch method {
	case "contains", "contains-any", "contains-all":
		if scope {
			lets := ""
			if negate {
				lets = ", so that negate lets in"
			}
			say(fmt.Sprintf("%s: a scope is mostly one text with blanks, of which no word is found%s; write %s", method, lets,
				query))
			return
		}
		what := map[string]string{
			"jp": "a list of one that was sent as text is not found", "jq": "one value is an error",
			"jsonata": "one value is an error", "js": "one value is an error",
		}[engine]
		if engine == "jp" && m[2] == "" {
			what = "several values are a list within the list, and none of them is found"
		}
		if engine == "jp" && negate {
			what += ", so that negate lets in"
		}
		say(fmt.Sprintf("%s: in external-auth-server's format %s; write %s, which holds for both and in both formats",
			method, what, query))
	case "empty":
		if engine == "jp" && m[2] != "" {
			say("empty: in external-auth-server's format nothing is found in a list of one that was sent as text, so that " +
				"this holds; write " + query)
		}
	case "eq", "in", "regex":
		name := pathMember.FindAllStringSubmatch(m[1], -1)
		if len(name) == 0 || !slices.Contains(oneOrMany, name[len(name)-1][1]+name[len(name)-1][2]) {
			return
		}
		say(fmt.Sprintf("%s: several values are an error, or in external-auth-server's format one text with commas; write "+
			"contains or contains-any and %s", method, query))
	}
}

// scopeName is the end of a path to scopes (RFC 8693 §4.2), which are words of one text.
var scopeName = regexp.MustCompile("\\b(?:scope|scp)[\"'`\\]]*(?:\\[\\*\\]|\\[\\]\\??|\\.\\*)?$")

// sameQuery is a query that gives a list for one value and for several, in both formats; with words, of the words in
// them.
func sameQuery(engine string, m []string, words bool) string {
	switch {
	case words && engine == "jsonata":
		return fmt.Sprintf(`query_engine: jsonata, query: '[%s.$split(" ")]'`, m[2])
	case words && engine == "js":
		return fmt.Sprintf(`query_engine: js, query: 'return [].concat(%s || []).join(" ").split(" ")'`, m[1])
	}
	switch engine {
	case "jsonata":
		return fmt.Sprintf("query_engine: jsonata, query: '[%s]'", m[2])
	case "js":
		return fmt.Sprintf("query_engine: js, query: 'return [].concat(%s || [])'", m[1])
	}
	path := pathMember.ReplaceAllStringFunc(m[1], func(text string) string {
		m := pathMember.FindStringSubmatch(text)
		if m[1] != "" {
			return "." + m[1]
		}
		return `.["` + m[2] + `"]`
	})
	if words {
		return fmt.Sprintf(`query_engine: jq, query: '[%s // empty] | flatten | map(split(" ")) | flatten'`, path)
	}
	if engine == "jp" && strings.HasPrefix(m[2], "[?") {
		return fmt.Sprintf("query_engine: jq, query: '[%s // empty] | flatten | map(select(…))'", path)
	}
	return fmt.Sprintf("query_engine: jq, query: '[%s // empty] | flatten'", path)
}

var (
	asksURI  = regexp.MustCompile(`parentReq(?:uest)?Info(?:\.|\[["'])uri\b|rawPath\b`)
	asksPath = regexp.MustCompile(`parsedUri(?:\.|\[["'])path\b`)
	// syntax is what stands in a regular expression for other characters than itself.
	syntax = regexp.MustCompile(`\(\?(?:[:=!]|<[=!]|<\w+>)|\{\d+,?\d*\}|\\[()*+$]|[()*+$]`)
	// eitherWay are characters that clients may escape in a path, and servers take for themselves all the same.
	eitherWay = regexp.MustCompile(`[!$&'()*+,;=:@]`)
	// escaped is what the path of a native token never holds.
	escaped = regexp.MustCompile(`%(?i:2[146-9A-E]|3[0-9ABD]|40|[46][1-9A-F]|[57][0-9A]|5F|7E)`)
)

// lintPath warns of rules that another spelling of the same path passes by.
func lintPath(expr, method string, value json.RawMessage, say func(text string)) {
	if method == "empty" {
		return
	}
	if asksURI.MatchString(expr) {
		say("looks at the path as the client wrote it: /%61dmin is not /admin here, but to servers; ask parsedUri.path")
		return
	}
	if !asksPath.MatchString(expr) {
		return
	}
	for _, text := range texts(value) {
		if method == "regex" {
			text = syntax.ReplaceAllStringFunc(text, func(s string) string {
				if s[0] == '\\' {
					return s[1:]
				}
				return ""
			})
		}
		if eitherWay.MatchString(text) {
			say("in external-auth-server's format the path has %40 for @, %3A for : and so on where the client wrote that, " +
				"which servers take for the same; a native token sees the character")
		}
		if escaped.MatchString(text) {
			say("in a native token the path has no escapes for letters, digits and -._~!$&'()*+,;=:@, but the characters: " +
				"write those")
		}
	}
}

// texts are the texts in the value of a rule.
func texts(value json.RawMessage) []string {
	var one string
	if json.Unmarshal(value, &one) == nil {
		return []string{one}
	}
	var many []any
	_ = json.Unmarshal(value, &many)
	var list []string
	for _, e := range many {
		if s, ok := e.(string); ok {
			list = append(list, s)
		}
	}
	return list
}
