package healthcheck

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

// New makes the command healthcheck.
func New(c *cli.CLI) *cobra.Command {
	var ready bool
	var timeout time.Duration
	var address string
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the easgate that runs here whether it is well",
		Long: `Asks the main listener that the configuration names, over TCP or its unix socket, with TLS where it speaks
TLS. The certificate is not checked: it names the service, not this machine. For images without a shell or
curl. Exit code 0 if the answer is 200, else 1.`,
		Example: `  easgate healthcheck
  easgate healthcheck --ready --timeout 2s
  easgate healthcheck --address unix:/run/easgate.sock`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := c.LoadKeyless()
			if err != nil {
				return err
			}
			if address == "" {
				address = cfg.MainAddr()
			}
			path := "/ping"
			if ready {
				path = "/readyz"
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return healthcheck(ctx, address, path, cfg.SSLCert != "")
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask /readyz, which asks the stores, instead of /ping")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long the answer may take")
	cmd.Flags().StringVar(&address, "address", "", "`host:port` or unix:/path to ask, where sockets come from systemd")
	c.Settings(cmd)
	return cmd
}

func healthcheck(ctx context.Context, address, path string, encrypted bool) error {
	network := "tcp"
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", socket
	}
	scheme := "http"
	if encrypted {
		scheme = "https"
	}
	client := &http.Client{Transport: &http.Transport{
		// An address that stands for all of the machine's, such as ":8080", is dialed as loopback.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // this machine's, and nothing secret is sent
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost"+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		return fmt.Errorf("healthcheck: %s: %d %s", path, res.StatusCode, strings.TrimSpace(string(text)))
	}
	return nil
}
