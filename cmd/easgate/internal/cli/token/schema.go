package token

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/schema"
)

func newSchema(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of config tokens, for editors",
		Long: `Prints a JSON Schema (draft 2020-12) of what a config token says before it is sealed, made from the
plugins of this very version. Editors complete and check YAML and JSON with it.`,
		Example: `  easgate token schema > config-token.schema.json
  # then, as the first line of token.yaml:
  # yaml-language-server: $schema=config-token.schema.json`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			known, done := compiler(&config.Config{})
			defer done()
			text, err := schema.ConfigToken(known.Plugins)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Out, "%s\n", text)
			return err
		},
	}
}
