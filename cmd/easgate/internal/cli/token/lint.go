package token

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/lint"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
)

func newLint(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Say what is unsafe or wrong in a config token",
		Long: `Reads a configuration (YAML or JSON) or a sealed config token from FILE or the standard input and says
what is unsafe, unknown or cannot work in it: all that sealing would refuse, and more. Exit code 3 when
there is something to say.`,
		Example: `  easgate token lint token.yaml
  echo "$TOKEN" | easgate token lint --keyring-file keyring.json`,
		Args: cli.Args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			token, err := plainOrSealed(c, args)
			if err != nil {
				return err
			}
			check, done := compiler(&config.Config{AllowEval: true})
			defer done()
			return printFindings(c, lint.Token(check, token), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Settings(cmd, "keyring_file")
	return cmd
}

// plainOrSealed returns a sealed token, or a configuration as a token in no format yet.
func plainOrSealed(c *cli.CLI, args []string) (token configtoken.Token, err error) {
	claims, sealed, err := tokens.ClaimsOrSealed(c, args)
	if err != nil || sealed == "" {
		return configtoken.Token{Format: configtoken.Plain, Claims: claims}, err
	}
	cfg, _, err := c.Load()
	if err != nil {
		return token, err
	}
	return tokens.Open(cfg, sealed)
}

func printFindings(c *cli.CLI, list []lint.Finding, asJSON bool) error {
	if asJSON {
		if list == nil {
			list = []lint.Finding{}
		}
		if err := c.PrintJSON(list); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			if _, err := fmt.Fprintf(c.Out, "%s: %s\n", f.Path, f.Text); err != nil {
				return err
			}
		}
	}
	if len(list) > 0 {
		return cli.ErrNo
	}
	return nil
}
