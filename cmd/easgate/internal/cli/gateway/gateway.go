// Package gateway is the command gateway: easgate as the reverse proxy itself, for whoever has none.
package gateway

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

// A Run serves what cfg describes until ctx ends, then finishes what is in flight.
type Run func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error

// New makes the command gateway.
func New(c *cli.CLI, version string, run Run) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Be the reverse proxy, and let pass what a config token allows",
		Long: `Passes requests on to applications, once the config token of their mount has allowed them: each mount of the
configuration that has an upstream is a route, by host and path. There is no other proxy then, and no /verify:
EAS_PORT belongs to the mounts, and to the addresses below /oauth/ that providers send browsers back to.
EAS_ADMIN_ADDR serves /healthz, /readyz and /metrics.

All settings are those of serve, and so are the signals. docs/gateway.md shows a configuration.`,
		Example: `  easgate gateway --config gateway.yaml`,
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := c.Load()
			if err != nil {
				return err
			}
			cfg.MountsOnly = true
			log := c.Log(cfg)
			for _, w := range warnings {
				log.Warn(w.Error())
			}
			return run(cmd.Context(), cfg, log, func(addr net.Addr) {
				log.Info("easgate is a gateway", "version", version, "address", addr.String(), "admin", cfg.AdminAddr)
			})
		},
	}
	config.AddFlags(cmd.Flags(), c.Given)
	return cmd
}
