package keys

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
)

// New makes the command keys.
func New(c *cli.CLI) *cobra.Command {
	return cli.Group(&cobra.Command{
		Use:   "keys",
		Short: "Make and look at the keys of config tokens",
		Long: `A keyring is a JSON Web Key Set of random keys. The first one seals config tokens, all of them open.
Whoever has it can make tokens that easgate believes, unless it is a server's half (keys public).`,
	}, newNew(c), newRotate(c), newRemove(c), newList(c), newPublic(c))
}

func newNew(c *cli.CLI) *cobra.Command {
	var out string
	var sign bool
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a keyring",
		Long: `Makes a keyring with a random key. A file that exists is never overwritten; a new one is readable by its owner
alone.`,
		Example: `  easgate keys new --out keyring.json
  easgate keys new --sign --out issuer.json      # tokens are signed as well: see keys public`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ring, err := configtoken.NewKeyring()
			if err == nil && sign {
				ring, err = ring.WithSigning()
			}
			if err != nil {
				return err
			}
			return c.WriteNew(out, ring.JWKSet())
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to a new `file`, not to the standard output")
	cmd.Flags().BoolVar(&sign, "sign", false, "add a key pair that signs config tokens")
	return cmd
}

func newRotate(c *cli.CLI) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate [FILE]",
		Short: "Put a new key first in a keyring file",
		Long: `Adds a new key that seals from now on; the older ones still open. The file is replaced in one step.
Its owner, group and mode stay as they are. A running easgate reads it again by itself.
Give a server the new keyring before the first token is sealed with it.`,
		Example: `  easgate keys rotate keyring.json`,
		Args:    cli.Args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := changeKeyring(c, args, (*configtoken.Keyring).Rotate)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Err, "new key %s seals now; %s\n", ring.Keys()[0].ID, openers(ring))
			return err
		},
	}
	keyringFlag(c, cmd)
	return cmd
}

func newRemove(c *cli.CLI) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove KID [FILE]",
		Short: "Take an old key out of a keyring file",
		Long: `Takes out the key with the id KID, as keys list prints it. What it sealed, or signed, no longer opens, on
a running easgate as soon as it has read the file again. The file is replaced in one step. The key that
seals new tokens stays, and so does the one that signs them: rotate first.`,
		Example: `  easgate keys list keyring.json
  easgate keys remove Zm9v keyring.json`,
		Args: cli.Args(1, 2, "a KID and one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			id := args[0]
			ring, err := changeKeyring(c, args[1:], func(k *configtoken.Keyring) (*configtoken.Keyring, error) {
				return k.Without(id)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Err, "key %s is gone; %s\n", id, openers(ring))
			return err
		},
	}
	keyringFlag(c, cmd)
	return cmd
}

func newList(c *cli.CLI) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [FILE]",
		Short: "List the keys of a keyring by id",
		Args:  cli.Args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := keyringFrom(c, args)
			if err != nil {
				return err
			}
			if asJSON {
				return c.PrintJSON(ring.Keys())
			}
			for _, k := range ring.Keys() {
				if _, err := fmt.Fprintf(c.Out, "%s\t%s\n", k.ID, k.Use); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	keyringFlag(c, cmd)
	return cmd
}

func newPublic(c *cli.CLI) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "public [FILE]",
		Short: "Write the server's half of an issuer's keyring",
		Long: `Where issuing and serving are different people, the issuer keeps the key that signs. The server's half
opens and verifies config tokens; with EAS_REQUIRE_SIGNED_TOKENS=true a server takes no others, so that
nobody who reads the server's files can make one.`,
		Example: `  easgate keys new --sign --out issuer.json
  easgate keys public issuer.json --out server.json`,
		Args: cli.Args(0, 1, "one FILE at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := keyringFrom(c, args)
			if err != nil {
				return err
			}
			return c.WriteNew(out, ring.Public().JWKSet())
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to a new `file`, not to the standard output")
	keyringFlag(c, cmd)
	return cmd
}

// changeKeyring replaces the keyring in the file that args name, or the configuration, by what change makes of it.
func changeKeyring(c *cli.CLI, args []string, change func(*configtoken.Keyring) (*configtoken.Keyring, error)) (
	*configtoken.Keyring, error,
) {
	path, err := keyringPath(c, args)
	if err != nil {
		return nil, err
	}
	ring, err := configtoken.LoadKeyring(path)
	if err != nil {
		return nil, err
	}
	if ring, err = change(ring); err != nil {
		return nil, err
	}
	if err := files.Replace(path, ring.JWKSet()); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		c.Warn(fmt.Sprintf("%s: everybody on this machine has access to it (mode %#o): "+
			"whoever reads it can make config tokens", path, info.Mode().Perm()),
			"chmod 600, or 640 with a group for easgate; whoever may have read it has the older keys: "+
				"take them out once their tokens are sealed again")
	}
	return ring, nil
}

// openers says how many keys of ring open config tokens.
func openers(ring *configtoken.Keyring) string {
	n := 0
	for _, k := range ring.Keys() {
		if k.Use == configtoken.Seals || k.Use == configtoken.Opens {
			n++
		}
	}
	if n == 1 {
		return "1 key opens"
	}
	return fmt.Sprintf("%d keys open", n)
}

func keyringFlag(c *cli.CLI, cmd *cobra.Command) {
	c.Settings(cmd, "keyring_file")
}

// keyringPath is the file that args name, or the configuration.
func keyringPath(c *cli.CLI, args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	cfg, _, err := c.LoadKeyless()
	if err != nil {
		return "", err
	}
	if cfg.KeyringFile == "" {
		return "", problem.Hint(errors.New("no keyring file is named"), "give its name, or set EAS_KEYRING_FILE")
	}
	return cfg.KeyringFile, nil
}

func keyringFrom(c *cli.CLI, args []string) (*configtoken.Keyring, error) {
	if len(args) > 0 {
		return configtoken.LoadKeyring(args[0])
	}
	cfg, _, err := c.LoadKeyless()
	if err != nil {
		return nil, err
	}
	return tokens.Keyring(cfg)
}
