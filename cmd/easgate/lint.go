package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/assertion"
)

func newTokenLint(c *cli) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Say what is unsafe or wrong in a config token",
		Long: `Reads a configuration (YAML or JSON) or a sealed config token from FILE or the standard input and says what is unsafe,
unknown or cannot work in it. Exit code 3 when there is something to say.`,
		Example: `  easgate token lint token.yaml
  echo "$TOKEN" | easgate token lint --keyring-file keyring.json`,
		Args: args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			claims, err := c.plainOrSealed(args)
			if err != nil {
				return err
			}
			findings, err := lint(claims)
			if err != nil {
				return err
			}
			return c.printFindings(findings, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags(), c.given, "keyring_file")
	return cmd
}

// plainOrSealed returns the claims of a configuration or of a sealed token.
func (c *cli) plainOrSealed(args []string) (json.RawMessage, error) {
	name, text, err := c.document(args)
	if err != nil {
		return nil, err
	}
	sealed := strings.TrimSpace(string(text))
	if sealed == "" || isDocument(sealed) {
		return parseClaims(name, text)
	}
	cfg, _, err := c.load()
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(cfg)
	if err != nil {
		return nil, err
	}
	t, err := keys.stored.Open(sealed)
	if err != nil {
		return nil, hint(err, "%s", unreadableHint(cfg))
	}
	return t.Claims, nil
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

// lint returns what is unsafe or wrong in claims.
func lint(claims json.RawMessage) ([]finding, error) {
	var list []finding
	compiler, _, done := compiler(&config.Config{AllowEval: true}, slog.New(slog.DiscardHandler), time.Now)
	defer done()
	warnings, err := compiler.Lint(claims)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		path, text, _ := strings.Cut(w, ": ")
		list = append(list, finding{path, text})
	}
	var t struct {
		JTI json.RawMessage `json:"jti"`
		Exp json.RawMessage `json:"exp"`
		EAS struct {
			Plugins []json.RawMessage `json:"plugins"`
		} `json:"eas"`
	}
	if json.Unmarshal(claims, &t) != nil {
		return list, nil // Lint has said so
	}
	if t.JTI == nil && t.Exp == nil {
		list = append(list, finding{"jti", "neither jti nor exp: a leaked token can only be ended by changing the keys"})
	}
	for i, raw := range t.EAS.Plugins {
		var e entry
		_ = json.Unmarshal(raw, &e) // what does not fit was said already
		say := func(text string) { list = append(list, finding{fmt.Sprintf("plugins[%d]: %s", i, e.Type), text}) }
		conditional := e.lint(say)
		if f, ok := compiler.Plugins[e.Type]; ok {
			f.Lint(raw, conditional, say)
		}
		queries("", raw, func(path, engine, expr string, rule json.RawMessage) {
			assertion.Lint(engine, expr, rule, func(text string) { say(strings.TrimPrefix(path, ".") + ": " + text) })
		})
	}
	return list, nil
}

// entry is what the pipeline reads of a plugin's entry; the rest is the plugin's own to lint.
type entry struct {
	Type string          `json:"type"`
	PCB  json.RawMessage `json:"pcb"`
}

// lint looks at the rules, and reports whether the entry has any to skip it.
func (e *entry) lint(say func(text string)) (conditional bool) {
	var pcb map[string]json.RawMessage
	_ = json.Unmarshal(e.PCB, &pcb) // anything else than an object has no rules
	skip, conditional := pcb["skip"]
	if conditional && isEmpty(skip) {
		say("pcb.skip without rules always skips")
	}
	if stop, ok := pcb["stop"]; ok && isEmpty(stop) {
		say("pcb.stop without rules always stops")
	}
	return conditional
}

func isEmpty(raw json.RawMessage) bool { return string(raw) == "[]" || string(raw) == "{}" }
