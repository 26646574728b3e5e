// Command easgate answers reverse proxies: may this request pass, and as whom? Without arguments it serves.
// See docs/cli.md, or easgate help.
package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/configcmd"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/demo"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/explain"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/gateway"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/healthcheck"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/keys"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/migrate"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/serve"
	sessioncmd "github.com/easgate/easgate/cmd/easgate/internal/cli/session"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/shadow"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/store"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/token"
	"github.com/easgate/easgate/cmd/easgate/internal/cli/versioncmd"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/dropin/tokenhandler"
	"github.com/easgate/easgate/internal/pipeline"
	engines "github.com/easgate/easgate/internal/query/builtin"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli.CLI{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ(), Now: time.Now}
	// A second signal while the first is being obeyed ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, c, os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, c *cli.CLI, args []string) int { return c.Run(ctx, newRoot(c), args) }

// newRoot hands each command what it needs of the parts that [wire] knows.
func newRoot(c *cli.CLI) *cobra.Command {
	build := func(cfg *config.Config, log *slog.Logger, given map[string]net.Listener) (serve.Service, error) {
		return wire(c, cfg, log, given)
	}
	quiet := func(cfg *config.Config) (*service, error) { return wire(c, cfg, slog.New(slog.DiscardHandler), nil) }
	run := serve.Runner(c, build)
	compile := func(cfg *config.Config) (*pipeline.Compiler, func()) {
		compiler, _, done := compiler(cfg, slog.New(slog.DiscardHandler), c.Now)
		return compiler, done
	}
	return c.Root(serve.New(c, version, run), gateway.New(c, version, gateway.Run(run)),
		sessioncmd.New(c), token.New(c, compile), token.NewGenerate(c, compile), keys.New(c), store.New(c, compile),
		explain.New(c, func(cfg *config.Config) (explain.Service, error) { return quiet(cfg) }),
		migrate.New(c, compile), shadow.New(c),
		configcmd.New(c, func(cfg *config.Config) (configcmd.Service, error) { return quiet(cfg) }),
		demo.New(c, demo.Serve(run)), tokenhandler.New(c, version, tokenhandler.Run(run)), tokenhandler.NewImport(c),
		healthcheck.New(c), versioncmd.New(c, version, engines.Languages()))
}
