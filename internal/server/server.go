// Package server is the HTTP side of easgate: listeners, routes, and the dialects in which proxies are answered.
// The HTTP framework is used here and nowhere else.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/semaphore"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// maxToken bounds the verify URL's query, and with it the token: 64 KB.
const maxToken = 64 << 10

// maxHeader bounds a request's line and headers together: a token of 64 KB beside headers of 64 KB.
const maxHeader = 128 << 10

// Config is what a [Server] needs.
type Config struct {
	// Addr serves everything public, such as ":8080" or "unix:/run/easgate.sock". VerifyAddr, if not empty, serves the verify
	// endpoints instead of Addr. AdminAddr serves /metrics; empty serves it nowhere.
	Addr, VerifyAddr, AdminAddr string
	// Inherited are listeners that replace those of the addresses, by [MainListener] and its kin.
	Inherited map[string]net.Listener
	Sockets   Sockets
	// H2C takes HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3), where verify requests are served.
	H2C bool
	// TLS, if not nil, encrypts Addr and VerifyAddr.
	TLS *tls.Config
	// GRPCAddr serves Envoy's gRPC ext_authz; empty serves it nowhere. GRPCTLS, if not nil, encrypts it.
	GRPCAddr string
	GRPCTLS  *tls.Config
	// Trusted are the proxies whose forwarding headers are believed.
	Trusted parent.Trusted
	// Profile is how the parent request is read where the verify URL does not say.
	Profile   parent.Profile
	Pipelines *pipeline.Cache
	// Plugins names the plugin types, as metric labels.
	Plugins plugins.Registry
	// URLQueries are the languages that the verify URL may use; nil switches its queries off.
	URLQueries query.Engines
	// Ready reports whether requests can be decided, for /readyz.
	Ready func(context.Context) error
	// SigninOrigins are the origins ("https://idp.example.com") that /nginx/auth-signin may redirect to.
	SigninOrigins []string
	// CookieSecret verifies cookies that external-auth-server signed, where queries look at them.
	CookieSecret []byte
	// VerifyTimeout bounds one verification; 0 means 10 s.
	VerifyTimeout time.Duration
	// Metrics counts, and is served on AdminAddr, with MetricsOnMain on Addr too; nil counts for nobody.
	Metrics       *Metrics
	MetricsOnMain bool
	Log           *slog.Logger
	// LogAllows logs what was allowed at info instead of debug.
	LogAllows bool
	// OmitUsers leaves the names of users out of the log.
	OmitUsers bool
	Now       func() time.Time
}

// A Server answers proxies.
type Server struct {
	cfg Config
	// main serves Addr, verifySite VerifyAddr if there is one, admin AdminAddr.
	main, verifySite, admin http.Handler
	metrics                 *Metrics
	params                  *otter.Cache[string, *params]
	refused                 *otter.Cache[netip.Addr, struct{}]
	ids                     *ids
	ready                   readiness
	// large bounds what large requests hold that share connections.
	large *semaphore.Weighted
	// patience is how long Run waits at its end for what is in flight.
	patience time.Duration
}

// New returns a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.VerifyTimeout == 0 {
		cfg.VerifyTimeout = 10 * time.Second
	}
	s := &Server{cfg: cfg, metrics: cfg.Metrics, ids: newIDs(), patience: 15 * time.Second}
	s.large = semaphore.NewWeighted(largeBytes)
	if s.metrics == nil {
		s.metrics = NewMetrics(cfg.Plugins)
	}
	s.metrics.cache("token", func() (asked, missed uint64) { asked, missed, _, _ = cfg.Pipelines.Counts(); return })
	s.metrics.cache("pipeline", func() (asked, missed uint64) { _, _, asked, missed = cfg.Pipelines.Counts(); return })
	s.ready = readiness{ask: cfg.Ready, log: cfg.Log, now: cfg.Now}
	var err error
	s.params, err = otter.New(&otter.Options[string, *params]{
		StatsRecorder: s.metrics.urls,
		MaximumWeight: 48 << 20,
		Weigher:       func(raw string, p *params) uint32 { return p.weight() + uint32(len(raw)) }, // at most 64 KB
	})
	if err != nil {
		return nil, err
	}
	if s.refused, err = otter.New(&otter.Options[netip.Addr, struct{}]{MaximumSize: 1000}); err != nil {
		return nil, err
	}

	main := newEcho()
	s.public(main)
	s.main = express(main)
	if cfg.VerifyAddr == "" && cfg.Inherited[VerifyListener] == nil {
		s.verifyRoutes(main)
	} else {
		e := newEcho()
		s.health(e)
		s.verifyRoutes(e)
		s.verifySite = express(e)
	}
	admin := newEcho()
	s.health(admin)
	s.admin = express(admin)
	if cfg.Metrics != nil {
		handler := echo.WrapHandler(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{Registry: s.metrics.registry}))
		admin.GET("/metrics", handler)
		if cfg.MetricsOnMain {
			main.GET("/metrics", handler)
		}
	}
	return s, nil
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = notFound
	return e
}

// express makes routes match as in Express: whatever the case, and with a slash at the end. It ends connections on which
// two lengths could disagree about where the next request begins.
func express(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 { // a Content-Length beside it is gone by now (RFC 9112 §6.1)
			w.Header()["Connection"] = closeConn
		}
		u := r.URL
		if u.Path != "/verify" && u.RawPath == "" && len(u.Path) > 1 &&
			!strings.HasPrefix(u.Path, "/envoy/") && !strings.HasPrefix(u.Path, "/ambassador/") {
			u.Path = strings.ToLower(strings.TrimSuffix(u.Path, "/"))
		}
		next.ServeHTTP(w, r)
	})
}

var closeConn = []string{"close"}

// notFound answers what no route matches, in Express's words.
func notFound(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, text := http.StatusNotFound, "Cannot "+c.Request().Method+" "+c.Request().URL.EscapedPath()
	if he := (*echo.HTTPError)(nil); errors.As(err, &he) && he.Code == http.StatusBadRequest {
		status, text = he.Code, http.StatusText(he.Code)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = c.Blob(status, "text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>"+
		html.EscapeString(text)+"</pre>\n</body>\n</html>\n"))
}

func (s *Server) public(e *echo.Echo) {
	s.health(e)
	e.GET("/nginx/auth-signin", s.signin)
}

func (s *Server) health(e *echo.Echo) {
	e.Match([]string{http.MethodGet, http.MethodHead}, "/ping", func(c echo.Context) error { return c.String(http.StatusOK, "pong") })
	e.Match([]string{http.MethodGet, http.MethodHead}, "/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.Match([]string{http.MethodGet, http.MethodHead}, "/readyz", func(c echo.Context) error {
		if err := s.ready.check(c.Request().Context()); err != nil {
			return c.String(http.StatusServiceUnavailable, "not ready: see the log\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
}

func (s *Server) verifyRoutes(e *echo.Echo) {
	e.Any("/verify", s.verify)
	e.RouteNotFound("/verify", s.verify) // methods that Any does not list
	s.envoyRoutes(e)
}

// Handler serves the verify endpoints, as VerifyAddr does, or Addr where that has them; for tests and embedding.
func (s *Server) Handler() http.Handler {
	if s.verifySite != nil {
		return s.verifySite
	}
	return s.main
}

// A site is one listener of Run, opened.
type site struct {
	net.Listener
	// serve returns when stop or abort was called, or with an error.
	serve func(net.Listener) error
	stop  func(context.Context) error
}

// Run listens and serves until ctx ends, then finishes what is in flight, for at most 15 s.
// ready is called once all addresses accept connections, with the main one.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	dog := newWatchdog()
	watch, stopWatch := context.WithCancel(context.WithoutCancel(ctx)) // slow clients are cut off while shutting down, too
	defer stopWatch()
	go dog.run(watch)

	sites, err := s.open(dog)
	if err != nil {
		return err
	}
	failed := make(chan error, len(sites))
	var wg sync.WaitGroup
	for _, site := range sites {
		wg.Go(func() {
			if err := site.serve(site.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	if ready != nil {
		ready(sites[0].Addr())
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
	defer cancel()
	errs := make([]error, len(sites))
	for i, site := range sites {
		wg.Go(func() { errs[i] = site.stop(stop) })
	}
	wg.Wait()
	return errors.Join(err, errors.Join(errs...))
}

// open opens all listeners, the main one first, or none.
func (s *Server) open(dog *watchdog) (sites []site, err error) {
	add := func(name, addr string, wrap func(net.Listener) site) {
		if err != nil || addr == "" && s.cfg.Inherited[name] == nil {
			return
		}
		l, listenErr := s.listen(name, addr)
		if listenErr != nil {
			err = listenErr
			return
		}
		sites = append(sites, wrap(l))
	}
	overHTTP := func(h http.Handler, encrypted *tls.Config, h2c bool) func(net.Listener) site {
		return func(l net.Listener) site {
			l = watchedListener{l, dog}
			if encrypted != nil {
				l = tls.NewListener(l, encrypted)
			}
			srv := s.httpServer(h, dog, h2c && encrypted == nil)
			return site{l, srv.Serve, srv.Shutdown}
		}
	}
	add(MainListener, s.cfg.Addr, overHTTP(s.main, s.cfg.TLS, s.cfg.H2C && s.verifySite == nil))
	if s.verifySite != nil {
		add(VerifyListener, s.cfg.VerifyAddr, overHTTP(s.verifySite, s.cfg.TLS, s.cfg.H2C))
	}
	add(AdminListener, s.cfg.AdminAddr, overHTTP(s.admin, nil, false))
	add(GRPCListener, s.cfg.GRPCAddr, func(l net.Listener) site {
		g := s.newGRPC()
		return site{proxiesOnly{l, s}, g.Serve, func(ctx context.Context) error {
			// Somebody who watches the health service never finishes.
			defer context.AfterFunc(ctx, g.Stop)()
			g.GracefulStop()
			return nil
		}}
	})
	if err != nil {
		for _, site := range sites {
			_ = site.Close()
		}
		return nil, err
	}
	return sites, nil
}

func (s *Server) httpServer(h http.Handler, dog *watchdog, h2c bool) *http.Server {
	srv := &http.Server{ //nolint:gosec // G112: the watchdog cuts off slow clients
		Handler:        h,
		MaxHeaderBytes: maxHeader,
		// net/http answers "OPTIONS *" with 200 of its own.
		DisableGeneralOptionsHandler: true,
		ConnState:                    dog.connState,
		ErrorLog:                     slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			from := s.newCaller(c.RemoteAddr())
			from.conn, _ = c.(*watched)
			return context.WithValue(ctx, connKey{}, from)
		},
	}
	if h2c {
		s.takeHTTP2(srv)
	}
	return srv
}
