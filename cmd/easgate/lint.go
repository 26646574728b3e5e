package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
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

// entry is what lint knows of plugins' configurations.
type entry struct {
	Type       string          `json:"type"`
	PCB        json.RawMessage `json:"pcb"`
	StatusCode json.RawMessage `json:"status_code"`
	Htpasswd   json.RawMessage `json:"htpasswd"`
	URL        string          `json:"url"`
	Config     struct {
		Secret  json.RawMessage `json:"secret"`
		Options struct {
			Algorithms       []string `json:"algorithms"`
			IgnoreExpiration bool     `json:"ignoreExpiration"`
		} `json:"options"`
	} `json:"config"`
	Connection struct {
		URL      string `json:"url"`
		StartTLS bool   `json:"starttls"`
	} `json:"connection"`
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
		_ = json.Unmarshal(raw, &e) // what does not fit was said already; the rest is looked at
		for _, text := range e.unsafe() {
			list = append(list, finding{fmt.Sprintf("plugins[%d]: %s", i, e.Type), text})
		}
	}
	return list, nil
}

func (e *entry) unsafe() (texts []string) {
	say := func(text string) { texts = append(texts, text) }
	var pcb map[string]json.RawMessage
	_ = json.Unmarshal(e.PCB, &pcb) // anything else than an object has no rules
	skips, empty := pcb["skip"]
	if empty && isEmpty(skips) {
		say("pcb.skip without rules always skips")
	}
	if stop, ok := pcb["stop"]; ok && isEmpty(stop) {
		say("pcb.stop without rules always stops")
	}
	switch e.Type {
	case "noop":
		if skips == nil && allows(e.StatusCode) {
			say("lets everybody in who comes this far")
		}
	case "htpasswd":
		var text string
		_ = json.Unmarshal(e.Htpasswd, &text) // no text, no lines
		texts = append(texts, weakHashes(text)...)
	case "request_param":
		say("a secret in a URL ends up in logs and histories; request_header does not")
	case "forward":
		if strings.HasPrefix(e.URL, "http://") && !local(e.URL) {
			say("url: http sends every request's headers in clear")
		}
	case "ldap":
		if strings.HasPrefix(e.Connection.URL, "ldap://") && !e.Connection.StartTLS && !local(e.Connection.URL) {
			say("connection.url: ldap without starttls sends passwords in clear")
		}
	case "jwt":
		var secret string
		if json.Unmarshal(e.Config.Secret, &secret) == nil && len(secret) < 32 && secret != "" {
			say("config.secret: under 32 bytes can be guessed from one JWT")
		}
		if e.Config.Options.IgnoreExpiration {
			say("config.options.ignoreExpiration: a JWT that leaked once is good for ever")
		}
	}
	return texts
}

func isEmpty(raw json.RawMessage) bool { return string(raw) == "[]" || string(raw) == "{}" }

func allows(status json.RawMessage) bool {
	s := strings.Trim(string(status), `"`)
	return s == "" || s == "null" || s == "0" || s == "false" || strings.HasPrefix(s, "2")
}

func local(url string) bool {
	return strings.Contains(url, "://127.0.0.1") || strings.Contains(url, "://localhost") || strings.Contains(url, "://[::1]")
}

// weakHashes names users whose hash is guessed in no time by who reads it. The hash itself is not repeated.
func weakHashes(text string) (texts []string) {
	for line := range strings.Lines(text) {
		user, hash, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(user, "#") {
			continue
		}
		kind := ""
		switch {
		case strings.HasPrefix(hash, "{SHA}"), strings.HasPrefix(hash, "{SSHA}"):
			kind = "one round of SHA-1"
		case strings.HasPrefix(hash, "$1$"), strings.HasPrefix(hash, "$apr1$"):
			kind = "MD5"
		case len(hash) == 13 && !strings.HasPrefix(hash, "$"):
			kind = "DES, and only 8 characters of the password count"
		}
		if kind != "" {
			texts = append(texts, fmt.Sprintf("htpasswd: the hash of %q is %s; htpasswd -B makes better ones", user, kind))
		}
	}
	return texts
}
