package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/demoprovider"
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
	cmd.Flags().IntVar(&servicePort, "service-port", 8080, "`port` where easgate answers other proxies")
	return cmd
}

func run(c *cli.CLI, ctx context.Context, serve Serve, dir string, port, servicePort int) error {
	upstream, err := listenNear(0)
	if err != nil {
		return err
	}
	defer upstream.Close()
	idp, err := listenNear(0)
	if err != nil {
		return err
	}
	defer idp.Close()
	if port, err = free(port); err != nil {
		return err
	}
	if servicePort, err = free(servicePort); err != nil {
		return err
	}
	site := fmt.Sprintf("http://127.0.0.1:%d", port)
	people, err := demoprovider.New(demoprovider.Config{Issuer: "http://" + idp.Addr().String(), Site: site, Now: c.Now})
	if err != nil {
		return err
	}
	client, secret := people.Client()
	cfg, tokens, err := makeFolder(c, ctx, dir, port, provider{"http://" + idp.Addr().String(), client, secret})
	if err != nil {
		return err
	}
	routes, service := routesOf(tokens), fmt.Sprintf("127.0.0.1:%d", servicePort)
	cfg.MountsOnly, cfg.VerifyAddr = true, service
	if cfg.Mounts, err = mountsOf(routes, "http://"+upstream.Addr().String()); err != nil {
		return err
	}
	log, tries := c.Log(cfg), triesAt(site, commandName(), dir)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	servers := []*http.Server{newServer(newUpstream(routes, tries), log), newServer(people, log)}
	failed := make(chan error, len(servers)+1)
	for i, l := range []net.Listener{upstream, idp} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, cfg, log, func(net.Addr) { printSite(c, site, service, dir, tries) })
	}()
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-served:
		served <- nil
	}
	// The gateway goes first, so that nobody asks an application that has stopped.
	stop()
	err = errors.Join(err, <-served)
	for _, srv := range servers {
		_ = srv.Close() // browsers hold connections open that they never use
	}
	return err
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

// free returns port, or another one if something listens there.
func free(port int) (int, error) {
	l, err := listenNear(port)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// routesOf are the parts of the demo site.
func routesOf(tokens routeTokens) []Route {
	return []Route{
		{
			Prefix: "/", Token: tokens.open, Title: "Open to all",
			About: "Lets everybody in, after deciding about it all the same.",
		},
		{
			Prefix: "/login/", Token: tokens.login, Title: "Login",
			Logout: "/login/?__eas_oauth_handler__=logout&redirect_uri=%2F",
			About:  "Sends a browser to log in at an OpenID provider, and keeps the session and its tokens on the server.",
		},
		{
			Prefix: "/private/", Token: tokens.private, Title: "Private",
			About: "Asks for alice's password (wonderland). The whole configuration is sealed into the config token; no " +
				"store is asked.",
		},
		{
			Prefix: "/team/", Token: tokens.team, Title: "Team",
			About: "Takes an API key, or alice's password. Its config token is a pointer; what it stands for is in the " +
				"SQLite store.",
		},
		{
			Prefix: "/partner/", Token: tokens.partner, Title: "Partner",
			About: "Asks for bob's password (builder). Its config token is in the store, and can be revoked there while " +
				"everything runs.",
		},
	}
}

// mountsOf is the setting that makes routes of the config tokens.
func mountsOf(routes []Route, upstream string) (json.RawMessage, error) {
	var list []map[string]any
	for _, r := range routes {
		list = append(list, map[string]any{
			"path": "/" + strings.Trim(r.Prefix, "/"), "config_token": r.Token, "upstream": map[string]any{"url": upstream},
		})
	}
	return json.Marshal(list)
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
	flags := map[string]string{"port": strconv.Itoa(port), "addr": "127.0.0.1"}
	cfg, _, err := config.Load(config.Sources{File: path, Flags: flags})
	return cfg, err
}
