// Package serve is the command serve, and what runs the service until it is told to stop.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/listening"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/server"
)

// A Service is what is served.
type Service interface {
	// Check says what is wrong with the stores.
	Check() []error
	// Follow reads keys and certificates again when their files change, until ctx ends; Reload does so now.
	Follow(ctx context.Context) error
	Reload()
	// Run serves until ctx ends, then finishes what is in flight. It calls ready with the main listener's address.
	Run(ctx context.Context, ready func(net.Addr)) error
	Close()
}

// A Build puts the service together that cfg describes. given are listeners by the names of package server.
type Build func(cfg *config.Config, log *slog.Logger, given map[string]net.Listener) (Service, error)

// A Run serves what cfg describes until ctx ends, then finishes what is in flight.
type Run func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error

// New makes the command serve.
func New(c *cli.CLI, version string, run Run) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer reverse proxies",
		Long: `Serves /verify, /ping, /healthz and /readyz on EAS_PORT, and /metrics on EAS_ADMIN_ADDR.
Every flag is an environment variable (--log-level is EAS_LOG_LEVEL) and a key of the configuration file (log_level);
secrets have no flag. docs/configuration.md lists them.

SIGTERM and Ctrl-C finish the requests in flight and end. SIGHUP reads keyring, revocation file and certificate again,
which also happens by itself when they change.`,
		Example: `  easgate serve --keyring-file keyring.json --proxy-profile nginx
  easgate serve --config easgate.yaml`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := c.Load()
			if err != nil {
				return err
			}
			log := c.Log(cfg)
			for _, w := range warnings {
				if w.Hint != "" {
					log.Warn(w.Error(), "hint", w.Hint)
				} else {
					log.Warn(w.Error())
				}
			}
			return run(cmd.Context(), cfg, log, func(addr net.Addr) {
				log.Info("easgate serves", "version", version, "address", addr.String(),
					"admin", cfg.AdminAddr, "profile", cfg.ProxyProfile.String())
			})
		},
	}
	c.Settings(cmd)
	return cmd
}

// Runner returns the [Run] of services that build makes.
func Runner(c *cli.CLI, build Build) Run {
	return func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error {
		ballast := tuneMemory()
		defer runtime.KeepAlive(ballast)
		given, err := listening.Inherited(c.Env, listening.FirstFD)
		if err != nil {
			return err
		}
		if given[server.AdminListener] == nil {
			quietAdmin(cfg, log)
		}
		s, err := build(cfg, log, given)
		if err != nil {
			return err
		}
		defer s.Close()
		for _, err := range s.Check() {
			log.Error("a store or mount cannot be used", "error", err)
		}
		watching, stop := context.WithCancel(ctx)
		defer stop()
		if err := s.Follow(watching); err != nil {
			return err
		}
		defer onHangup(watching, func() {
			log.Info("SIGHUP: reading keyring, revocations and certificate again")
			s.Reload()
		})()
		if err := explained(s.Run(ctx, ready)); err != nil {
			return err
		}
		log.Info("easgate has stopped")
		return nil
	}
}

// onHangup calls f on each SIGHUP until ctx ends or stop is called.
func onHangup(ctx context.Context, f func()) (stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-hup:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hup) }
}

// explained adds what to do about an error of a listener.
func explained(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return problem.Hint(err, "something else listens there: EAS_PORT and EAS_ADMIN_ADDR choose other addresses")
	case errors.Is(err, syscall.EACCES):
		return problem.Hint(err, "ports under 1024 need the right to bind them")
	case err != nil:
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// quietAdmin goes without the admin listener if its address was not chosen by anybody and is taken: somebody who moves
// from external-auth-server did not ask for a second port, and a second easgate on a machine should serve too.
func quietAdmin(cfg *config.Config, log *slog.Logger) {
	if cfg.AdminAddr == "" || cfg.Origin("admin_addr") != "" {
		return
	}
	l, err := net.Listen("tcp", cfg.AdminAddr)
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		log.Warn("no /metrics: the default admin address is taken", "address", cfg.AdminAddr, "error", err,
			"hint", "EAS_ADMIN_ADDR chooses another one, off means none")
		cfg.AdminAddr = ""
	}
}
