// Package lint says what is unsafe or wrong in a config token.
package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/problem"
)

// A Finding is one thing to say about a config token.
type Finding struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Token returns what is unsafe or wrong in a config token: all that sealing it natively would refuse, what
// external-auth-server passes over if it is not a native one, and what its plugins say.
func Token(compiler *pipeline.Compiler, token configtoken.Token) []Finding {
	problems := compiler.Problems(token.Claims, configtoken.Native)
	if token.Format != configtoken.Native {
		problems = append(problems, compiler.Problems(token.Claims, configtoken.EAS)...)
	}
	var list []Finding
	for _, err := range problems {
		if f := FindingOf(err); !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return append(list, Unsafe(compiler, token.Claims)...)
}

// FindingOf shows a problem that [pipeline.Compiler.Problems] found.
func FindingOf(err error) Finding {
	path, rest := problem.Path(err)
	text := rest.Error()
	if hint := problem.HintOf(err); hint != "" {
		text += ": " + hint
	}
	return Finding{path, text}
}

// Unsafe returns what works and should not be so.
func Unsafe(compiler *pipeline.Compiler, claims json.RawMessage) (list []Finding) {
	var top map[string]json.RawMessage
	_ = json.Unmarshal(claims, &top) // what does not fit is a problem of the compilation
	if top["jti"] == nil && top["exp"] == nil {
		list = append(list, Finding{"jti", "neither jti nor exp: a leaked token can only be ended by changing the keys"})
	}
	for i, raw := range Plugins(claims) {
		e := EntryOf(raw)
		say := func(text string) { list = append(list, Finding{fmt.Sprintf("plugins[%d]: %s", i, e.Type), text}) }
		conditional := e.lint(say)
		if f, ok := compiler.Plugins[e.Type]; ok {
			f.Lint(raw, conditional, say)
		}
		Queries("", raw, func(path, engine, expr string, rule json.RawMessage) {
			assertion.Lint(engine, expr, rule, func(text string) { say(strings.TrimPrefix(path, ".") + ": " + text) })
		})
	}
	return list
}

// Plugins returns the entries of a token, none if they have not the right shape. Names are exact.
func Plugins(claims json.RawMessage) (entries []json.RawMessage) {
	var top, eas map[string]json.RawMessage
	_ = json.Unmarshal(claims, &top)
	_ = json.Unmarshal(top["eas"], &eas)
	_ = json.Unmarshal(eas["plugins"], &entries)
	return entries
}

// An Entry is what the pipeline reads of a plugin's entry; the rest is the plugin's own to lint.
type Entry struct {
	Type string                     `json:"type"`
	PCB  map[string]json.RawMessage `json:"pcb"`
}

// EntryOf reads what has the right shape.
func EntryOf(raw json.RawMessage) (e Entry) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members)
	_ = json.Unmarshal(members["type"], &e.Type)
	_ = json.Unmarshal(members["pcb"], &e.PCB)
	return e
}

// lint looks at the rules, and reports whether the entry has any to skip it.
func (e *Entry) lint(say func(text string)) (conditional bool) {
	skip, conditional := e.PCB["skip"]
	if conditional && isEmpty(skip) {
		say("pcb.skip without rules always skips")
	}
	if stop, ok := e.PCB["stop"]; ok && isEmpty(stop) {
		say("pcb.stop without rules always stops")
	}
	return conditional
}

func isEmpty(raw json.RawMessage) bool { return string(raw) == "[]" || string(raw) == "{}" }

// Queries calls f for every query in raw, with its path and the rule beside it, in the order of the members' names.
func Queries(path string, raw json.RawMessage, f func(path, engine, expr string, rule json.RawMessage)) {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) == nil && o != nil {
		var engine, expr string
		if json.Unmarshal(o["query_engine"], &engine) == nil && json.Unmarshal(o["query"], &expr) == nil {
			f(path, engine, expr, o["rule"])
			return
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			next := name
			if path != "eas" || name != "eas" {
				next = path + "." + name
			}
			Queries(next, o[name], f)
		}
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for i, e := range list {
			Queries(fmt.Sprintf("%s[%d]", path, i), e, f)
		}
	}
}
