package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/problem"
)

func newTokenLint(c *cli) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Say what is unsafe or wrong in a config token",
		Long: `Reads a configuration (YAML or JSON) or a sealed config token from FILE or the standard input and says what is unsafe,
unknown or cannot work in it: all that sealing would refuse, and more. Exit code 3 when there is something to say.`,
		Example: `  easgate token lint token.yaml
  echo "$TOKEN" | easgate token lint --keyring-file keyring.json`,
		Args: args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			token, err := c.plainOrSealed(args)
			if err != nil {
				return err
			}
			findings := lint(token)
			return c.printFindings(findings, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags(), c.given, "keyring_file")
	return cmd
}

// plainOrSealed returns a sealed token, or a configuration as a token in no format yet.
func (c *cli) plainOrSealed(args []string) (token configtoken.Token, err error) {
	name, text, err := c.document(args)
	if err != nil {
		return token, err
	}
	sealed := strings.TrimSpace(string(text))
	if sealed == "" || isDocument(sealed) {
		token.Format = configtoken.Plain
		token.Claims, err = parseClaims(name, text)
		return token, err
	}
	cfg, _, err := c.load()
	if err != nil {
		return token, err
	}
	keys, err := openKeys(cfg)
	if err != nil {
		return token, err
	}
	if token, err = keys.stored.Open(sealed); err != nil {
		return token, hint(err, "%s", unreadableHint(cfg))
	}
	return token, nil
}

// A finding is one thing to say about a config token.
type finding struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

func (c *cli) printFindings(list []finding, asJSON bool) error {
	if asJSON {
		if list == nil {
			list = []finding{}
		}
		if err := c.printJSON(list); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			if _, err := fmt.Fprintf(c.out, "%s: %s\n", f.Path, f.Text); err != nil {
				return err
			}
		}
	}
	if len(list) > 0 {
		return errNo
	}
	return nil
}

// lint returns what is unsafe or wrong in a config token: all that sealing it natively would refuse, what
// external-auth-server passes over if it is not a native one, and what its plugins say.
func lint(token configtoken.Token) []finding {
	compiler, _, done := compiler(&config.Config{AllowEval: true}, slog.New(slog.DiscardHandler), time.Now)
	defer done()
	problems := compiler.Problems(token.Claims, configtoken.Native)
	if token.Format != configtoken.Native {
		problems = append(problems, compiler.Problems(token.Claims, configtoken.EAS)...)
	}
	var list []finding
	for _, err := range problems {
		if f := findingOf(err); !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return append(list, unsafeIn(compiler, token.Claims)...)
}

// findingOf shows a problem that [pipeline.Compiler.Problems] found.
func findingOf(err error) finding {
	path, rest := problem.Path(err)
	text := rest.Error()
	if hint := problem.HintOf(err); hint != "" {
		text += ": " + hint
	}
	return finding{path, text}
}

// unsafeIn returns what works and should not be so.
func unsafeIn(compiler *pipeline.Compiler, claims json.RawMessage) (list []finding) {
	var top map[string]json.RawMessage
	_ = json.Unmarshal(claims, &top) // what does not fit is a problem of the compilation
	if top["jti"] == nil && top["exp"] == nil {
		list = append(list, finding{"jti", "neither jti nor exp: a leaked token can only be ended by changing the keys"})
	}
	for i, raw := range pluginsOf(claims) {
		e := entryOf(raw)
		say := func(text string) { list = append(list, finding{fmt.Sprintf("plugins[%d]: %s", i, e.Type), text}) }
		conditional := e.lint(say)
		if f, ok := compiler.Plugins[e.Type]; ok {
			f.Lint(raw, conditional, say)
		}
		queries("", raw, func(path, engine, expr string, rule json.RawMessage) {
			assertion.Lint(engine, expr, rule, func(text string) { say(strings.TrimPrefix(path, ".") + ": " + text) })
		})
	}
	return list
}

// pluginsOf returns the entries of a token, none if they have not the right shape. Names are exact.
func pluginsOf(claims json.RawMessage) (entries []json.RawMessage) {
	var top, eas map[string]json.RawMessage
	_ = json.Unmarshal(claims, &top)
	_ = json.Unmarshal(top["eas"], &eas)
	_ = json.Unmarshal(eas["plugins"], &entries)
	return entries
}

// entry is what the pipeline reads of a plugin's entry; the rest is the plugin's own to lint.
type entry struct {
	Type string                     `json:"type"`
	PCB  map[string]json.RawMessage `json:"pcb"`
}

// entryOf reads what has the right shape.
func entryOf(raw json.RawMessage) (e entry) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members)
	_ = json.Unmarshal(members["type"], &e.Type)
	_ = json.Unmarshal(members["pcb"], &e.PCB)
	return e
}

// lint looks at the rules, and reports whether the entry has any to skip it.
func (e *entry) lint(say func(text string)) (conditional bool) {
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
