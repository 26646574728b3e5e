package token

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
)

// longToken is from where on proxies' buffers for URLs and headers (4 KB here, 8 KB there) come into sight.
const longToken = 2 << 10

// New makes the command token.
func New(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	return cli.Group(&cobra.Command{
		Use:   "token",
		Short: "Seal, open and check config tokens",
		Long: `A config token is a whole auth configuration, sealed into text that stands in the proxy's verify URL or in
a store:

  eas:
    plugins:
      - type: htpasswd
        realm: example
        htpasswd: "alice:$2y$10$…"`,
	}, newSeal(c, compiler), newInspect(c, compiler), newLint(c, compiler), newPointer(c, compiler),
		newSchema(c, compiler))
}

// sealing are the flags of every command that seals.
type sealing struct {
	tokens.Sealing
	json bool
}

func (s *sealing) flags(c *cli.CLI, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Format, "format", "", "native or eas; by default native where there is a keyring")
	f.StringVar(&s.ID, "jti", "", "`id` of the token, by which it can be revoked")
	f.DurationVar(&s.ExpiresIn, "expires-in", 0, "`time` after which the token is not taken any more, such as 720h")
	f.BoolVar(&s.json, "json", false, "print JSON: token, bytes, format")
	c.Settings(cmd, "keyring_file")
}

func newSeal(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	return sealCommand(c, compiler, &cobra.Command{
		Use:   "seal [FILE]",
		Short: "Seal a configuration, YAML or JSON, into a config token",
		Long: `Reads a configuration from FILE or the standard input and prints the config token that goes into a verify
URL or a store, as it is. An unknown field or plugin type is an error with its path. The size goes to the
standard error.`,
		Example: `  easgate token seal token.yaml --keyring-file keyring.json
  easgate token seal --format eas < token.json   # for external-auth-server, with its secrets in the environment`,
	})
}

// NewGenerate makes external-auth-server's command generate-config-token, so that scripts around its image go on.
func NewGenerate(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	return sealCommand(c, compiler, &cobra.Command{
		Use:   "generate-config-token [FILE]",
		Short: "Seal a configuration, as external-auth-server's image does it",
		Long: `Reads a configuration, JSON or YAML, from the standard input or FILE and prints its sealed form: "token
seal" under the name that external-auth-server's image has for it.`,
		Example: `  docker run --rm -i -e EAS_CONFIG_TOKEN_SIGN_SECRET -e EAS_CONFIG_TOKEN_ENCRYPT_SECRET \
    easgate generate-config-token < token.json`,
	})
}

// sealCommand makes cmd seal a configuration.
func sealCommand(c *cli.CLI, compiler cli.Compiler, cmd *cobra.Command) *cobra.Command {
	var s sealing
	cmd.Args = cli.Args(0, 1, "one FILE at most")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		claims, err := tokens.Claims(c, args)
		if err != nil {
			return err
		}
		return seal(c, compiler, claims, &s)
	}
	s.flags(c, cmd)
	cmd.Flags().BoolVar(&s.Unchecked, "unchecked", false,
		"seal whatever it says, such as plugins that only another version knows")
	return cmd
}

func newPointer(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	var s sealing
	cmd := &cobra.Command{
		Use:   "pointer STORE ID",
		Short: "Seal a config token that stands for one in a store",
		Long: `Prints a short config token that names another one in a store: the proxy's configuration stays as it is
while the token in the store is changed or revoked.`,
		Example: `  easgate token pointer main grafana --keyring-file keyring.json`,
		Args:    cli.Args(2, 2, "STORE and ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			claims, err := json.Marshal(map[string]configtoken.Pointer{"eas": {StoreID: args[0], TokenID: args[1]}})
			if err != nil {
				return err
			}
			s.Unchecked = true // there is no configuration in it to check
			return seal(c, compiler, claims, &s)
		},
	}
	s.flags(c, cmd)
	return cmd
}

// seal prints the config token that claims become.
func seal(c *cli.CLI, compiler cli.Compiler, claims json.RawMessage, s *sealing) error {
	cfg, _, err := c.Load()
	if err != nil {
		return err
	}
	text, format, err := s.Seal(cfg, compiler, claims, c.Now())
	if err != nil {
		return err
	}
	if len(text) > longToken {
		c.Warn(fmt.Sprintf("the config token is %d bytes long; proxies often have buffers of 4 KB for a URL", len(text)),
			"keep it in a store and give the proxy a pointer: easgate token pointer --help")
	}
	if s.json {
		return c.PrintJSON(struct {
			Token  string `json:"token"`
			Bytes  int    `json:"bytes"`
			Format string `json:"format"`
		}{text, len(text), format})
	}
	fmt.Fprintf(c.Err, "%d bytes, format %s\n", len(text), format)
	_, err = fmt.Fprintln(c.Out, text)
	return err
}
