package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/redact"
)

func newInspect(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	var secrets, asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Open a config token and show what it says",
		Long: `Opens TOKEN, or the one on the standard input, and prints what it says; secrets only with --show-secrets.
Takes whatever a verify URL or a store holds. Exit code 3 when the token is not in force.`,
		Example: `  easgate token inspect "$TOKEN" --keyring-file keyring.json
  easgate store get main grafana | easgate token inspect --json`,
		Args: cli.Args(0, 1, "one TOKEN at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := sealedText(c, args)
			if err != nil {
				return err
			}
			cfg, _, err := c.Load()
			if err != nil {
				return err
			}
			known, done := compiler(&config.Config{})
			defer done()
			shown := func(claims json.RawMessage) json.RawMessage { return redact.Token(claims, known.Plugins.Options) }
			if secrets {
				shown = func(claims json.RawMessage) json.RawMessage { return claims }
			}
			return inspect(c, cfg, text, shown, asJSON)
		},
	}
	cmd.Flags().BoolVar(&secrets, "show-secrets", false, "print passwords, keys and hashes too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Settings(cmd, "keyring_file")
	return cmd
}

func sealedText(c *cli.CLI, args []string) (string, error) {
	if len(args) > 0 && args[0] != "-" {
		return strings.TrimSpace(args[0]), nil
	}
	text, err := c.Input("-")
	return strings.TrimSpace(string(text)), err
}

// inspection is what a sealed token says about itself.
type inspection struct {
	Format    string               `json:"format"`
	Key       string               `json:"kid,omitempty"`
	Bytes     int                  `json:"bytes"`
	State     string               `json:"state"`
	ID        string               `json:"jti,omitempty"`
	NotBefore *time.Time           `json:"not_before,omitempty"`
	Expires   *time.Time           `json:"expires,omitempty"`
	Pointer   *configtoken.Pointer `json:"pointer,omitempty"`
	Claims    json.RawMessage      `json:"claims"`
}

// inspect prints what the token in text says, its claims as shown returns them.
func inspect(
	c *cli.CLI, cfg *config.Config, text string, shown func(json.RawMessage) json.RawMessage, asJSON bool,
) error {
	t, err := tokens.Open(cfg, text)
	if err != nil {
		return err
	}
	revoked, err := tokens.Revocations(cfg)
	if err != nil {
		return err
	}
	v := inspection{
		Format: tokens.FormatName(t.Format), Bytes: len(text), State: tokens.State(&t, revoked, c.Now()), ID: t.ID,
		Claims: shown(t.Claims), NotBefore: timeOf(t.NotBefore), Expires: timeOf(t.Expires),
	}
	if t.Format == configtoken.Native {
		v.Key = configtoken.KeyID(strings.Trim(text, `"`))
	}
	if t.Pointer != (configtoken.Pointer{}) {
		v.Pointer = &t.Pointer
	}
	if asJSON {
		err = c.PrintJSON(v)
	} else {
		err = printInspection(c, &v)
	}
	if err == nil && v.State != tokens.InForce {
		return cli.ErrNo
	}
	return err
}

// timeOf returns nil for 0.
func timeOf(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	at := time.Unix(seconds, 0).UTC()
	return &at
}

func printInspection(c *cli.CLI, v *inspection) error {
	var b bytes.Buffer
	line := func(name string, value any) { fmt.Fprintf(&b, "%-8s %v\n", name, value) }
	line("format", v.Format)
	if v.Key != "" {
		line("key", v.Key)
	}
	line("size", fmt.Sprintf("%d bytes", v.Bytes))
	line("state", v.State)
	if v.ID != "" {
		line("jti", v.ID)
	}
	if v.NotBefore != nil {
		line("from", v.NotBefore.Format(time.RFC3339))
	}
	if v.Expires != nil {
		line("until", v.Expires.Format(time.RFC3339))
	}
	if v.Pointer != nil {
		line("pointer", fmt.Sprintf("store %q, token %q", v.Pointer.StoreID, v.Pointer.TokenID))
	}
	b.WriteString("\n")
	if err := json.Indent(&b, v.Claims, "", "  "); err != nil {
		return err
	}
	b.WriteString("\n")
	_, err := c.Out.Write(b.Bytes())
	return err
}
