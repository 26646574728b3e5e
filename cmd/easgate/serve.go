package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/server"
)

func newServe(c *cli) *cobra.Command {
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := c.load()
			if err != nil {
				return err
			}
			log := newLog(c.err, cfg)
			for _, w := range warnings {
				if w.Hint != "" {
					log.Warn(w.Error(), "hint", w.Hint)
				} else {
					log.Warn(w.Error())
				}
			}
			return c.serve(cmd.Context(), cfg, log, func(addr net.Addr) {
				log.Info("easgate serves", "version", version, "address", addr.String(), "admin", cfg.AdminAddr, "profile", cfg.ProxyProfile.String())
			})
		},
	}
	config.AddFlags(cmd.Flags(), c.given)
	return cmd
}

func newLog(w io.Writer, cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// serve runs the service until ctx ends, then finishes what is in flight.
func (c *cli) serve(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error {
	ballast := tuneMemory()
	defer runtime.KeepAlive(ballast)
	given, err := inherited(c.env, firstFD)
	if err != nil {
		return err
	}
	if given[server.AdminListener] == nil {
		quietAdmin(cfg, log)
	}
	s, err := c.wire(cfg, log, given)
	if err != nil {
		return err
	}
	defer s.close()
	for _, err := range s.stores.Check() {
		log.Error("a store cannot be used", "error", err)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.follow(watching); err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-hup:
				log.Info("SIGHUP: reading keyring, revocations and certificate again")
				s.reloadAll()
			case <-watching.Done():
				return
			}
		}
	}()
	err = s.server.Run(ctx, ready)
	if errors.Is(err, syscall.EADDRINUSE) {
		return hint(err, "something else listens there: EAS_PORT and EAS_ADMIN_ADDR choose other addresses")
	}
	if errors.Is(err, syscall.EACCES) {
		return hint(err, "ports under 1024 need the right to bind them")
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("easgate has stopped")
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
