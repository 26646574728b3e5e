package tokenhandler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
)

// A Run serves what cfg describes until ctx ends.
type Run func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error

const sources = `Settings are go-token-handler's: flags (--oidc-issuer or --oidc_issuer), variables (OIDC_ISSUER), and a file
token_handler of KEY=value lines in ., ~/.token_handler or /etc/token_handler. PROXY_CONFIG names proxy.yaml.
docs/migrating-from-go-token-handler.md says what is otherwise here.`

// New makes the command token-handler.
func New(c *cli.CLI, version string, run Run) *cobra.Command {
	serve := &cobra.Command{
		Use:   "serve",
		Short: "Stand in for go-token-handler",
		Long: "Serves /login, /callback, /logout, /userinfo and what proxy.yaml passes on, on LISTEN_ADDR and nowhere " +
			"else,\n" +
			"unless EAS_ADMIN_ADDR is set.\n\n" + sources,
		Example: "  SESSION_AUTH_SECRET=… OIDC_CLIENT_SECRET=… easgate token-handler serve --proxy-config proxy.yaml",
		Args:    cli.NoArgs,
	}
	given := flags(serve)
	serve.RunE = func(cmd *cobra.Command, _ []string) error {
		t, err := translation(c, given)
		if err != nil {
			return err
		}
		cfg, warnings, err := t.Config(c.Env)
		if err != nil {
			return err
		}
		log := c.Log(cfg)
		for _, w := range warnings {
			log.Warn(w.Error(), "hint", w.Hint)
		}
		return run(cmd.Context(), cfg, log, func(addr net.Addr) {
			log.Info("easgate serves", "version", version, "address", addr.String(), "as", "go-token-handler")
		})
	}
	return cli.Group(&cobra.Command{Use: "token-handler", Short: "Stand in for go-token-handler"}, serve)
}

// NewImport makes the command import.
func NewImport(c *cli.CLI) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "token-handler",
		Short: "Write go-token-handler's configuration down as easgate's",
		Long: `Writes what "easgate token-handler serve" translates at each start: easgate.yaml with settings, keys and secrets,
for "easgate serve --config", and the claims of its two config tokens to look at and seal again. All are
readable by their owner alone, and none is overwritten.

` + sources,
		Example: "  easgate import token-handler --out easgate",
		Args:    cli.NoArgs,
	}
	given := flags(cmd)
	cmd.Flags().StringVar(&dir, "out", "easgate", "`folder` to write to")
	cmd.RunE = func(*cobra.Command, []string) error {
		t, err := translation(c, given)
		if err != nil {
			return err
		}
		if _, _, err := t.Config(nil); err != nil {
			return err
		}
		return t.write(dir)
	}
	return cli.Group(&cobra.Command{Use: "import", Short: "Write another program's configuration down as easgate's"}, cmd)
}

// flags adds a flag for each variable, in both spellings; those that are given come into the map.
func flags(cmd *cobra.Command) map[string]string {
	given := map[string]string{}
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	for _, v := range variables {
		set := func(text string) error { given[v.name] = text; return nil }
		usage := v.usage + " (" + v.name
		if v.byDefault != "" && v.byDefault != "false" {
			usage += ", default " + v.byDefault
		}
		if usage += ")"; v.byDefault == "false" {
			cmd.Flags().BoolFunc(v.flag(), usage, set)
		} else {
			cmd.Flags().Func(v.flag(), usage, set)
		}
	}
	return given
}

func translation(c *cli.CLI, given map[string]string) (*Translation, error) {
	g, err := Read(Sources{Dirs: Dirs(c.Env), Env: c.Env, Flags: given})
	if err != nil {
		return nil, err
	}
	return Translate(g)
}

// write writes t into a folder.
func (t *Translation) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	settings, err := t.MarshalSettings()
	if err != nil {
		return err
	}
	var errs []error
	put := func(name string, text []byte) { errs = append(errs, files.Create(filepath.Join(dir, name), text)) }
	put("easgate.yaml", settings)
	for name, claims := range map[string]map[string]any{"token-pages.json": t.Pages, "token-proxied.json": t.Proxied} {
		text, err := json.MarshalIndent(claims, "", "  ")
		errs = append(errs, err)
		put(name, append(text, '\n'))
	}
	return errors.Join(errs...)
}
