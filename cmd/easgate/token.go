package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/document"
)

// longToken is from where on proxies' buffers for URLs and headers (4 KB here, 8 KB there) come into sight.
const longToken = 2 << 10

func newToken(c *cli) *cobra.Command {
	return group(&cobra.Command{
		Use:   "token",
		Short: "Seal, open and check config tokens",
		Long: `A config token is a whole auth configuration, sealed into text that stands in the proxy's verify URL or in a store:

  eas:
    plugins:
      - type: htpasswd
        realm: example
        htpasswd: "alice:$2y$10$…"`,
	}, newTokenSeal(c), newTokenInspect(c), newTokenLint(c), newTokenPointer(c), newTokenSchema(c))
}

// sealing are the flags of every command that seals.
type sealing struct {
	format    string
	jti       string
	expiresIn time.Duration
	unchecked bool
	json      bool
}

func (s *sealing) flags(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.format, "format", "", "native or eas; by default native where there is a keyring")
	f.StringVar(&s.jti, "jti", "", "`id` of the token, by which it can be revoked")
	f.DurationVar(&s.expiresIn, "expires-in", 0, "`time` after which the token is not taken any more, such as 720h")
	f.BoolVar(&s.json, "json", false, "print JSON: token, bytes, format")
	config.AddFlags(f, c.given, "keyring_file")
}

func newTokenSeal(c *cli) *cobra.Command {
	return c.sealCommand(&cobra.Command{
		Use:   "seal [FILE]",
		Short: "Seal a configuration, YAML or JSON, into a config token",
		Long: `Reads a configuration from FILE or the standard input and prints the config token that goes into a verify URL or a
store, as it is. An unknown field or plugin type is an error with its path. The size goes to the standard error.`,
		Example: `  easgate token seal token.yaml --keyring-file keyring.json
  easgate token seal --format eas < token.json   # for external-auth-server, with its secrets in the environment`,
	})
}

// newGenerateConfigToken is external-auth-server's generate-config-token, so that scripts around its image go on.
func newGenerateConfigToken(c *cli) *cobra.Command {
	return c.sealCommand(&cobra.Command{
		Use:   "generate-config-token [FILE]",
		Short: "Seal a configuration, as external-auth-server's image does it",
		Long: `Reads a configuration, JSON or YAML, from the standard input or FILE and prints its sealed form: "token seal" under the
name that external-auth-server's image has for it.`,
		Example: `  docker run --rm -i -e EAS_CONFIG_TOKEN_SIGN_SECRET -e EAS_CONFIG_TOKEN_ENCRYPT_SECRET easgate generate-config-token < token.json`,
	})
}

// sealCommand makes cmd seal a configuration.
func (c *cli) sealCommand(cmd *cobra.Command) *cobra.Command {
	var s sealing
	cmd.Args = args(0, 1, "one FILE at most")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		claims, err := c.claims(args)
		if err != nil {
			return err
		}
		return c.seal(claims, &s)
	}
	s.flags(c, cmd)
	cmd.Flags().BoolVar(&s.unchecked, "unchecked", false, "seal whatever it says, such as plugins that only another version knows")
	return cmd
}

func newTokenPointer(c *cli) *cobra.Command {
	var s sealing
	cmd := &cobra.Command{
		Use:   "pointer STORE ID",
		Short: "Seal a config token that stands for one in a store",
		Long: `Prints a short config token that names another one in a store: the proxy's configuration stays as it is while the
token in the store is changed or revoked.`,
		Example: `  easgate token pointer main grafana --keyring-file keyring.json`,
		Args:    args(2, 2, "STORE and ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			claims, err := json.Marshal(map[string]configtoken.Pointer{"eas": {StoreID: args[0], TokenID: args[1]}})
			if err != nil {
				return err
			}
			s.unchecked = true // there is no configuration in it to check
			return c.seal(claims, &s)
		},
	}
	s.flags(c, cmd)
	return cmd
}

// claims reads a configuration from the file that args name or the standard input.
func (c *cli) claims(args []string) (json.RawMessage, error) {
	name, text, err := c.document(args)
	if err != nil {
		return nil, err
	}
	return parseClaims(name, text)
}

// document reads the file that args name, or the standard input, called "-".
func (c *cli) document(args []string) (name string, text []byte, err error) {
	name = "-"
	if len(args) > 0 {
		name = args[0]
	}
	text, err = c.input(name)
	return name, text, err
}

func parseClaims(name string, text []byte) (json.RawMessage, error) {
	claims, err := document.Convert(text)
	if err != nil {
		return nil, hint(fmt.Errorf("%s:%w", name, err), "a configuration is YAML or JSON; the numbers are line and column")
	}
	return claims, nil
}

// isDocument tells a configuration from sealed text, which is one word without a colon.
func isDocument(text string) bool { return strings.ContainsAny(text, " \n{:") }

// seal prints the config token that claims become.
func (c *cli) seal(claims json.RawMessage, s *sealing) error {
	cfg, _, err := c.load()
	if err != nil {
		return err
	}
	text, format, err := c.sealed(cfg, claims, s)
	if err != nil {
		return err
	}
	if len(text) > longToken {
		c.warn(fmt.Sprintf("the config token is %d bytes long; proxies often have buffers of 4 KB for a URL", len(text)),
			"keep it in a store and give the proxy a pointer: easgate token pointer --help")
	}
	if s.json {
		return c.printJSON(struct {
			Token  string `json:"token"`
			Bytes  int    `json:"bytes"`
			Format string `json:"format"`
		}{text, len(text), format})
	}
	fmt.Fprintf(c.err, "%d bytes, format %s\n", len(text), format)
	_, err = fmt.Fprintln(c.out, text)
	return err
}

// sealed checks and seals claims.
func (c *cli) sealed(cfg *config.Config, claims json.RawMessage, s *sealing) (text, format string, err error) {
	if claims, err = s.complete(claims, c.now()); err != nil {
		return "", "", err
	}
	sealer, format, err := sealerOf(cfg, s.format)
	if err != nil {
		return "", "", err
	}
	if !s.unchecked {
		compiler, _, done := compiler(cfg, slog.New(slog.DiscardHandler), c.now)
		defer done()
		if err := compiler.Check(claims); err != nil {
			return "", "", err
		}
	}
	if text, err = sealer.Seal(claims); err != nil {
		return "", "", err
	}
	if format == "eas" {
		text = urlSafe(text)
	}
	return text, format, nil
}

// urlSafe turns base64 into its URL-safe form, which external-auth-server opens as well.
func urlSafe(s string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
}

// complete adds the claims that flags ask for, behind those that are there.
func (s *sealing) complete(claims json.RawMessage, now time.Time) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(claims, &members); err != nil {
		return nil, errors.New("config token: want a mapping with eas at the top level")
	}
	add := map[string]any{}
	if s.jti != "" {
		add["jti"] = s.jti
	}
	if s.expiresIn != 0 {
		add["exp"] = now.Add(s.expiresIn).Unix()
	}
	for _, name := range []string{"jti", "exp"} {
		v, ok := add[name]
		if !ok {
			continue
		}
		if _, there := members[name]; there {
			return nil, usage("the configuration has a %s of its own", name)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		comma := ","
		if len(members) == 0 {
			comma = ""
		}
		claims = fmt.Appendf(nil, "%s%s%q:%s}", strings.TrimSuffix(string(claims), "}"), comma, name, text)
		members[name] = text
	}
	return claims, nil
}

// sealerOf returns what seals in the named format, or in the best one that there are keys for.
func sealerOf(cfg *config.Config, format string) (configtoken.Sealer, string, error) {
	native := cfg.Keyring != "" || cfg.KeyringFile != ""
	if format == "" {
		format = "eas"
		if native {
			format = "native"
		}
	}
	switch format {
	case "native":
		ring, err := keyring(cfg)
		if err != nil {
			return nil, "", err
		}
		s, err := ring.Sealer()
		return s, format, err
	case "eas":
		keys, err := easKeys(cfg)
		if err != nil {
			return nil, "", err
		}
		if keys == nil {
			return nil, "", hint(errors.New("there are no secrets to seal EAS's format with"),
				"set EAS_CONFIG_TOKEN_SIGN_SECRET and EAS_CONFIG_TOKEN_ENCRYPT_SECRET, or their _FILE twins")
		}
		return keys, format, nil
	}
	return nil, "", usage("--format: want native or eas, got %q", format)
}

// easKeys returns the keys of EAS's format, nil when there are none.
func easKeys(cfg *config.Config) (*configtoken.EASKeys, error) {
	if cfg.SignSecret == "" {
		return nil, nil
	}
	return configtoken.NewEASKeys(string(cfg.SignSecret), string(cfg.EncryptSecret), string(cfg.IVSecret))
}
