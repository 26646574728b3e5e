package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/listening"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	engines "github.com/easgate/easgate/internal/query/builtin"
	"github.com/easgate/easgate/internal/server"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/metrics"
	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/watch"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/builtin"
	"github.com/easgate/easgate/stores"
	storesbuiltin "github.com/easgate/easgate/stores/builtin"
)

// A service is all that serve consists of. wire puts it together; nothing else knows every part.
type service struct {
	cfg *config.Config
	log *slog.Logger
	now func() time.Time

	keys    *tokens.Keys
	revoked *configtoken.Revocations
	// cert and grpcCert are nil without TLS.
	cert, grpcCert *listening.Certificate
	sockets        listen.Sockets
	mounts         *mount.Table
	// registry and metrics are nil where metrics are off.
	registry *prometheus.Registry
	metrics  *metrics.Metrics
	stores   *stores.Set
	logins   *logins
	cache    *pipeline.Cache
	server   *server.Server
	closers  []func()
}

// wire builds the service. It listens to nothing yet, but for the listeners that it is given, and asks no store. Close
// gives everything back.
func wire(c *cli.CLI, cfg *config.Config, log *slog.Logger, given map[string]net.Listener) (_ *service, err error) {
	s := &service{cfg: cfg, log: log, now: c.Now}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.open(c.Env); err != nil {
		return nil, err
	}
	compiler, urlQueries, closeEngines := compiler(cfg, log, c.Now)
	s.closers = append(s.closers, closeEngines)
	compiler.Env.Seal = s.logins.seal
	compiler.Env.Sessions = session.Observe(s.logins.calls, func(call, _ string) {
		if call == session.Deletes && s.server != nil {
			s.server.LookAgain() // connections that the session opened end with it
		}
	})
	if s.metrics != nil {
		compiler.Env.Called = s.metrics.Called
	}
	s.cache = pipeline.NewCache(pipeline.Config{
		Compiler: compiler,
		URL:      s.keys.URL,
		Stored:   s.keys.Stored,
		Store:    s.stores.Store,
		Revoked:  s.revoked.Revoked,
		Log:      log,
		Now:      c.Now,
	})
	s.closers = append(s.closers, s.cache.Close)
	s.keys.Ring.OnChange(s.logins.rekey)
	s.keys.Ring.OnChange(s.cache.Forget)
	settings := s.serverConfig(urlQueries, given)
	if settings.Endpoints, err = s.endpoints(); err != nil {
		return nil, err
	}
	s.server, err = server.New(settings)
	return s, err
}

// open makes what the configuration names: keys, certificates, stores. All that is wrong is reported at once, as the
// configuration's own problems are.
func (s *service) open(environ []string) (err error) {
	var problems config.Problems
	try := func(err error) { problems = append(problems, config.Report(err)...) }
	s.keys, err = tokens.OpenKeys(s.cfg)
	try(err)
	s.revoked, err = tokens.Revocations(s.cfg)
	try(err)
	if s.cert, err = listening.NewCertificate(s.cfg.SSLCert, s.cfg.SSLKey); err != nil {
		try(problem.Hint(err, "EAS_SSL_CERT and EAS_SSL_KEY name PEM files that belong together"))
	}
	if s.grpcCert, err = listening.NewCertificate(s.cfg.GRPCSSLCert, s.cfg.GRPCSSLKey); err != nil {
		try(problem.Hint(err, "EAS_GRPC_SSL_CERT and EAS_GRPC_SSL_KEY name PEM files that belong together"))
	}
	if !s.cfg.DisableMetrics {
		s.registry = prometheus.NewRegistry()
		s.metrics = metrics.New(s.registry, builtin.Registry())
		s.metrics.Build(version)
	}
	try(s.openStores(environ))
	if s.logins, err = openLogins(s.cfg, s.keys, s.log, s.now, s.metrics); err == nil {
		s.closers = append(s.closers, s.logins.close)
	}
	try(err)
	s.sockets, err = listening.Sockets(s.cfg)
	try(err)
	if s.mounts, err = mount.Parse(s.cfg.Mounts); err != nil {
		try(problem.Hint(fmt.Errorf("%s: %w", s.cfg.Origin("mounts"), err),
			"docs/configuration.md shows the shape of a mount"))
	} else if s.cfg.MountsOnly && !s.mounts.Forwards() {
		try(problem.Hint(errors.New("mounts: none has an upstream, so that nothing would be passed on"),
			"mounts: [{path: /, config_token: …, upstream: {url: http://127.0.0.1:3000}}]; docs/gateway.md"))
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

func (s *service) serverConfig(urlQueries query.Engines, given map[string]net.Listener) server.Config {
	return server.Config{
		Addr:          s.cfg.MainAddr(),
		VerifyAddr:    s.cfg.VerifyAddr,
		AdminAddr:     s.cfg.AdminAddr,
		Inherited:     given,
		Sockets:       s.sockets,
		H2C:           s.cfg.H2C,
		TLS:           s.cert.Config("http/1.1"),
		GRPCAddr:      s.cfg.GRPCAddr(),
		GRPCTLS:       s.grpcCert.Config("h2"),
		SigninOrigins: s.cfg.SigninOrigins,
		Verify: verify.Config{
			Trusted:      s.cfg.TrustedProxies,
			TrustSockets: s.cfg.TrustSockets,
			Profile:      s.cfg.ProxyProfile,
			Pipelines:    s.cache,
			URLQueries:   urlQueries,
			CookieSecret: []byte(s.cfg.CookieSignSecret),
			Timeout:      s.cfg.VerifyTimeout,
			Metrics:      s.metrics,
			Log:          s.log,
			LogAllows:    s.cfg.LogAllows,
			OmitUsers:    !s.cfg.LogUsers,
			Now:          s.now,
		},
		Mounts:     s.mounts,
		MountsOnly: s.cfg.MountsOnly,
		Roots:      s.cfg.CARoots,

		StandardDeadlines: s.cfg.StandardDeadlines,
		Ready:             s.ready,
		Metrics:           s.registry,
		MetricsOnMain:     s.cfg.MetricsOnMain,
		Log:               s.log,
		Now:               s.now,
	}
}

// Run serves until ctx ends, then finishes what is in flight.
func (s *service) Run(ctx context.Context, ready func(net.Addr)) error {
	defer s.logins.run(ctx)()
	return s.server.Run(ctx, ready)
}

// Explain judges a verify request and tells trace how.
func (s *service) Explain(r *http.Request, trace func(pipeline.Event)) (pipeline.Decision, int) {
	return s.server.Explain(r, trace)
}

// ready reports what keeps the stores from answering.
func (s *service) ready(ctx context.Context) error {
	return errors.Join(s.stores.Ready(ctx), s.logins.ready(ctx))
}

// Check says which stores and mounts cannot be used.
func (s *service) Check() []error {
	return append(s.stores.Check(), s.server.CheckMounts(context.Background())...)
}

// Close gives back what the service holds, the last first.
func (s *service) Close() {
	for _, f := range slices.Backward(s.closers) {
		f()
	}
	s.closers = nil
}

// A source is files that are read again when they change while easgate runs.
type source struct {
	name  string
	files []string
	load  func() error
}

func (s *service) sources() []source {
	all := []source{
		{"keyring", []string{s.cfg.KeyringFile}, s.loadKeyring},
		{"revocation file", []string{s.cfg.RevokedJTIsFile}, func() error { return s.revoked.Load(s.cfg.RevokedJTIsFile) }},
		{"certificate", []string{s.cfg.SSLCert, s.cfg.SSLKey}, func() error { return s.cert.Load() }},
		{"gRPC certificate", []string{s.cfg.GRPCSSLCert, s.cfg.GRPCSSLKey}, func() error { return s.grpcCert.Load() }},
	}
	return slices.DeleteFunc(all, func(src source) bool { return src.files[0] == "" })
}

func (s *service) loadKeyring() error {
	changed, err := s.keys.Ring.Load(s.cfg.KeyringFile)
	if changed {
		s.log.Info("the keyring was reloaded", "keys", s.keys.Ring.Keyring().Keys())
	}
	return err
}

// reload reads src again. What cannot be read stays as it was.
func (s *service) reload(src source) {
	if err := src.load(); err != nil {
		s.log.Error("the "+src.name+" was not reloaded, what was read before stays in use", "error", err)
	}
}

// Reload reads every source again.
func (s *service) Reload() {
	for _, src := range s.sources() {
		s.reload(src)
	}
}

// Follow reads each source again whenever one of its files changes, until ctx ends.
func (s *service) Follow(ctx context.Context) error {
	for _, src := range s.sources() {
		for _, f := range src.files {
			if err := watch.File(ctx, f, s.log, func() { s.reload(src) }); err != nil {
				return err
			}
		}
		s.reload(src) // what changed between reading and watching
	}
	return nil
}

// openStores opens the stores that the configuration names. One that cannot be opened does not stop the others.
func (s *service) openStores(environ []string) error {
	env := stores.Env{Log: s.log, Now: s.now, Roots: s.cfg.CARoots, LookupEnv: func(name string) (string, bool) {
		for _, kv := range environ {
			if k, v, ok := strings.Cut(kv, "="); ok && k == name {
				return v, true
			}
		}
		return "", false
	}}
	if s.metrics != nil {
		env.LookedUp, env.Cached = s.metrics.LookedUp, s.metrics.Cached
	}
	var err error
	if s.stores, err = stores.Open(string(s.cfg.Stores), storesbuiltin.Adapters(), env); err != nil {
		return problem.Hint(fmt.Errorf("%s: %w", s.cfg.Origin("config_token_stores"), err),
			"docs/configuration.md shows the shape of a store")
	}
	s.closers = append(s.closers, func() {
		if err := s.stores.Close(); err != nil {
			s.log.Warn("closing the stores", "error", err)
		}
	})
	return nil
}

// compiler returns what compiles config tokens, and the languages that a verify URL may use, nil for none. close
// gives back what the languages hold.
func compiler(cfg *config.Config, log *slog.Logger, now func() time.Time) (
	c *pipeline.Compiler, url query.Engines, close func(),
) {
	own, url, close := engines.Engines(engines.Options{
		Token:        engines.Limits{Time: cfg.QueryTimeout, Memory: cfg.QueryMemory},
		URL:          engines.Limits{Time: cfg.URLQueryTimeout, Memory: cfg.URLQueryMemory},
		NoURLQueries: !cfg.URLQueries,
		AllowEval:    cfg.AllowEval,
	})
	return &pipeline.Compiler{
		Plugins: builtin.Registry(),
		Env: plugins.Env{
			Log:          log,
			Now:          now,
			HTTP:         httpClient(cfg.VerifyTimeout, cfg.CARoots),
			Roots:        cfg.CARoots,
			Query:        own,
			CookieSecret: cfg.CookieSignSecret,
			// One processor stays free of password hashing, where there are several.
			Hashing: credential.NewProcessors(max(1, runtime.GOMAXPROCS(0)-1)),
		},
	}, url, close
}

// httpClient is what plugins call identity providers and upstreams with.
func httpClient(timeout time.Duration, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: timeout,
			ForceAttemptHTTP2:     true,
			// Plugins call few hosts, each of them often.
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}
