package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

// A Serve serves what cfg describes until ctx ends.
type Serve func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(net.Addr)) error

// New makes the command demo.
func New(c *cli.CLI, serve Serve) *cobra.Command {
	var dir string
	var port, servicePort int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything on this machine, to look at it",
		Long: `Makes development keys, a configuration and an embedded store with config tokens under ./.easgate (what is
there stays as it is), and runs easgate, a gateway that asks it as nginx does, and an application behind
the gateway that shows who it was called as. Everything listens on 127.0.0.1 only. Ports that are taken
are replaced by free ones.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(c, cmd.Context(), serve, dir, port, servicePort)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".easgate", "`folder` for keys, configuration and store")
	cmd.Flags().IntVar(&port, "port", 8000, "`port` of the gateway")
	cmd.Flags().IntVar(&servicePort, "service-port", 8080, "`port` of easgate itself")
	return cmd
}

func run(c *cli.CLI, ctx context.Context, serve Serve, dir string, port, servicePort int) error {
	cfg, tokens, err := makeFolder(c, ctx, dir, servicePort)
	if err != nil {
		return err
	}
	log := c.Log(cfg)
	gateway, err := listenNear(port)
	if err != nil {
		return err
	}
	defer gateway.Close()
	upstream, err := listenNear(0)
	if err != nil {
		return err
	}
	defer upstream.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan net.Addr, 1)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, cfg, log, func(a net.Addr) { ready <- a }) }()
	var service net.Addr
	select {
	case service = <-ready:
	case err := <-served:
		return err
	}

	site := "http://" + gateway.Addr().String()
	routes := routesOf("http://"+service.String()+"/verify?config_token=", tokens)
	tries := triesAt(site, commandName(), dir)
	back := &url.URL{Scheme: "http", Host: upstream.Addr().String()}
	servers := []*http.Server{
		newServer(newUpstream(routes, tries), log),
		newServer(newGateway(routes, back, log), log),
	}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{upstream, gateway} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	printSite(c, site, service.String(), dir, tries)

	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-served:
		served <- nil
	}
	// The gateway goes first, so that nobody asks a service that has stopped.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, srv := range slices.Backward(servers) {
		if srv.Shutdown(end) != nil {
			_ = srv.Close() // browsers hold connections open that they never use
		}
	}
	stop()
	return errors.Join(err, <-served)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listenNear listens on 127.0.0.1 at port, or at a free one if that is taken.
func listenNear(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil && port != 0 {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}

// freePort returns port, or 0 if something listens there.
func freePort(port int) int {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0
	}
	_ = l.Close() // it was only tried
	return port
}

// routesOf are the parts of the demo site.
func routesOf(verify string, tokens verifyTokens) []Route {
	return []Route{
		{
			Prefix: "/", Verify: verify + tokens.open, Title: "Open to all",
			About: "Lets everybody in, after asking easgate all the same.",
		},
		{
			Prefix: "/private/", Verify: verify + tokens.private, Title: "Private",
			About: "Asks for alice's password (wonderland). The whole configuration is sealed into the verify URL; " +
				"no store is asked.",
		},
		{
			Prefix: "/team/", Verify: verify + tokens.team, Title: "Team",
			About: "Takes an API key, or alice's password. The verify URL holds a pointer token; " +
				"what it stands for is in the SQLite store.",
		},
		{
			Prefix: "/partner/", Verify: verify + tokens.partner, Title: "Partner",
			About: "Asks for bob's password (builder). Its config token is in the store, " +
				"and can be revoked there while everything runs.",
		},
	}
}

func triesAt(site, command, dir string) []Try {
	settings := " --config " + dir + "/" + configName
	explain := command + " explain --store " + storeID + " --id team --uri https://app.example.com/ -u alice:guess"
	return []Try{
		{"Allowed: open to all", "curl " + site + "/"},
		{"Denied: no credentials", "curl -i " + site + "/private/"},
		{"Allowed as alice", "curl -u alice:wonderland " + site + "/private/"},
		{"Allowed through a pointer token, by API key", "curl -H 'X-Api-Key: " + apiKey + "' " + site + "/team/"},
		{"Allowed as bob, until his config token is revoked", "curl -u bob:builder " + site + "/partner/"},
		{"Revoke it while everything runs, and try again", command + " store revoke " + storeID + " partner" + settings},
		{"Say step by step why", explain + settings},
	}
}

func printSite(c *cli.CLI, site, service, dir string, tries []Try) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nOpen in a browser:  %s/\n", site)
	fmt.Fprintf(&b, "easgate itself:     http://%s/verify   (keys, configuration and store: %s)\n\n", service, dir)
	for _, t := range tries {
		fmt.Fprintf(&b, "  # %s\n  %s\n", t.Title, t.Command)
	}
	fmt.Fprintf(&b, "\nCtrl-C stops everything.\n\n")
	fmt.Fprint(c.Out, b.String())
}

// commandName is how this command was called, for lines to copy.
func commandName() string {
	if strings.ContainsRune(os.Args[0], os.PathSeparator) {
		return os.Args[0]
	}
	return "easgate"
}

// load reads the demo's own configuration, whatever else is in the environment.
func load(path string, port int) (*config.Config, error) {
	flags := map[string]string{"port": strconv.Itoa(freePort(port)), "addr": "127.0.0.1"}
	cfg, _, err := config.Load(config.Sources{File: path, Flags: flags})
	return cfg, err
}
