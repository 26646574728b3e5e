package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"html"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/easgate/easgate/internal/page"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/envoy"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/pages"
	"github.com/easgate/easgate/internal/server/verify"
)

// The names of the listeners, for [listen.Config.Inherited].
const (
	MainListener   = "main"
	VerifyListener = "verify"
	AdminListener  = "admin"
	GRPCListener   = "grpc"
)

// Config is what a [Server] needs.
type Config struct {
	// Addr serves everything public, such as ":8080" or "unix:/run/easgate.sock". VerifyAddr, if not empty, serves the
	// verify endpoints instead of Addr. AdminAddr serves /metrics; empty serves it nowhere.
	Addr, VerifyAddr, AdminAddr string
	// H2C takes HTTP/2 without TLS where verify requests are served.
	H2C bool
	// TLS, if not nil, encrypts Addr and VerifyAddr.
	TLS *tls.Config
	// GRPCAddr serves Envoy's gRPC ext_authz; empty serves it nowhere. GRPCTLS, if not nil, encrypts it.
	GRPCAddr string
	GRPCTLS  *tls.Config
	// Inherited are listeners that replace those of the addresses, by [MainListener] and its kin.
	Inherited map[string]net.Listener
	Sockets   listen.Sockets
	Verify    verify.Config
	// Mounts say which config token's pages are where, on Addr, and which requests are passed on to an application. Roots
	// are the certificate authorities of https upstreams that name none; nil are the system's.
	Mounts *mount.Table
	Roots  *x509.CertPool
	// MountsOnly leaves Addr to mounts and endpoints: every other path may be an application's, /verify and /ping too.
	MountsOnly bool
	// Endpoints are fixed paths of rooms that are made elsewhere, on Addr.
	Endpoints []Endpoint
	// Ready reports whether requests can be decided, for /readyz.
	Ready func(context.Context) error
	// SigninOrigins are the origins ("https://idp.example.com") that /nginx/auth-signin may redirect to.
	SigninOrigins []string
	// Metrics, if not nil, is shown on AdminAddr, with MetricsOnMain on Addr too.
	Metrics       *prometheus.Registry
	MetricsOnMain bool
	Log           *slog.Logger
	Now           func() time.Time
	// StandardDeadlines: see [listen.Config].
	StandardDeadlines bool
	// Patience is how long Run waits at its end for what is in flight; 0 means 15 s.
	Patience time.Duration
}

// An Endpoint is a fixed path, such as /oauth/callback, whose handler is a room of its own. It comes before mounts.
type Endpoint struct {
	Methods []string
	Path    string
	Handler http.Handler
}

// A Server answers proxies, and shows pages to browsers.
type Server struct {
	cfg Config
	// main serves Addr, verifySite VerifyAddr if there is one, admin AdminAddr.
	main, verifySite, admin http.Handler
	verifier                *verify.Verifier
	pages                   *pages.Site
	ready                   readiness
}

// New returns a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg}
	var err error
	if s.verifier, err = verify.New(cfg.Verify); err != nil {
		return nil, err
	}
	s.pages, err = pages.New(pages.Config{Verifier: s.verifier, Mounts: cfg.Mounts, Roots: cfg.Roots, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	s.ready = readiness{ask: cfg.Ready, log: cfg.Log, now: cfg.Now}

	main := newEcho()
	s.public(main)
	s.main = express(main)
	alone := cfg.VerifyAddr != "" || cfg.Inherited[VerifyListener] != nil
	if cfg.MountsOnly {
		s.main = http.HandlerFunc(s.mountsOnly)
	}
	if !alone && !cfg.MountsOnly {
		s.verifyRoutes(main)
	} else if alone {
		e := newEcho()
		s.health(e)
		s.verifyRoutes(e)
		s.verifySite = express(e)
	}
	admin := newEcho()
	s.health(admin)
	s.admin = express(admin)
	if cfg.Metrics != nil {
		handler := echo.WrapHandler(promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{Registry: cfg.Metrics}))
		admin.GET("/metrics", handler)
		if cfg.MetricsOnMain {
			main.GET("/metrics", handler)
		}
	}
	return s, nil
}

// mountsOnly serves endpoints and mounts.
func (s *Server) mountsOnly(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 { // see express
		w.Header()["Connection"] = closeConn
	}
	for _, e := range s.cfg.Endpoints {
		if r.URL.Path == e.Path && slices.Contains(e.Methods, r.Method) {
			e.Handler.ServeHTTP(w, r)
			return
		}
	}
	if !s.pages.Serve(w, r) {
		page.Message{Status: http.StatusNotFound}.Write(w, r)
	}
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = notFound
	return e
}

// express makes routes match as in Express: whatever the case, and with a slash at the end. It ends connections on
// which two lengths could disagree about where the next request begins.
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
	he := (*echo.HTTPError)(nil)
	if errors.As(err, &he) && he.Code == http.StatusBadRequest || errors.Is(err, envoy.ErrBadRequest) {
		status = http.StatusBadRequest
		text = http.StatusText(status)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = c.Blob(status, "text/html; charset=utf-8",
		[]byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
			"<title>Error</title>\n</head>\n<body>\n<pre>"+html.EscapeString(text)+"</pre>\n</body>\n</html>\n"))
}

func (s *Server) public(e *echo.Echo) {
	s.health(e)
	e.GET("/nginx/auth-signin", s.signin)
	for _, end := range s.cfg.Endpoints {
		e.Match(end.Methods, end.Path, echo.WrapHandler(end.Handler))
	}
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !errors.Is(err, echo.ErrNotFound) || !s.pages.Serve(c.Response().Writer, c.Request()) {
			notFound(err, c)
		}
	}
}

// LookAgain has connections to applications decided again soon, because a session has ended.
func (s *Server) LookAgain() { s.pages.LookAgain() }

// CheckMounts says which mounts hold a config token that could not decide now.
func (s *Server) CheckMounts(ctx context.Context) []error { return s.pages.Check(ctx) }

func (s *Server) health(e *echo.Echo) {
	get := []string{http.MethodGet, http.MethodHead}
	e.Match(get, "/ping", func(c echo.Context) error { return c.String(http.StatusOK, "pong") })
	e.Match(get, "/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.Match(get, "/readyz", func(c echo.Context) error {
		if err := s.ready.check(c.Request().Context()); err != nil {
			return c.String(http.StatusServiceUnavailable, "not ready: see the log\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
}

func (s *Server) verifyRoutes(e *echo.Echo) {
	answer := func(c echo.Context) error {
		s.verifier.Verify(c.Response().Writer, c.Request())
		return nil
	}
	e.Any("/verify", answer)
	e.RouteNotFound("/verify", answer) // methods that Any does not list
	for _, prefix := range envoy.URLPrefixes {
		e.Any(prefix+"/*", func(c echo.Context) error {
			return envoy.URL(s.verifier, c.Response().Writer, c.Request(), len(prefix))
		})
	}
	for _, prefix := range envoy.HeaderPrefixes {
		answer := func(c echo.Context) error {
			envoy.Header(s.verifier, c.Response().Writer, c.Request(), len(prefix))
			return nil
		}
		e.Any(prefix, answer)
		e.Any(prefix+"/*", answer)
	}
}

// Handler serves the verify endpoints, as VerifyAddr does, or Addr where that has them; for tests and embedding.
func (s *Server) Handler() http.Handler {
	if s.verifySite != nil {
		return s.verifySite
	}
	return s.main
}

// Explain decides r, a request to /verify; see [verify.Verifier.Explain].
func (s *Server) Explain(r *http.Request, trace func(pipeline.Event)) (d pipeline.Decision, status int) {
	return s.verifier.Explain(r, trace)
}

// Run listens and serves until ctx ends, then finishes what is in flight, for at most 15 s.
// ready is called once all addresses accept connections, with the main one.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	c := &s.cfg
	large := listen.NewBudget()
	sites := []listen.Site{
		{Name: MainListener, Addr: c.Addr, Handler: s.main, TLS: c.TLS, H2C: c.H2C && s.verifySite == nil},
	}
	if s.verifySite != nil {
		sites = append(sites,
			listen.Site{Name: VerifyListener, Addr: c.VerifyAddr, Handler: s.verifySite, TLS: c.TLS, H2C: c.H2C})
	}
	sites = append(sites,
		listen.Site{Name: AdminListener, Addr: c.AdminAddr, Handler: s.admin},
		listen.Site{Name: GRPCListener, Addr: c.GRPCAddr, Server: envoy.NewServer(s.verifier, c.GRPCTLS, large)})
	return listen.Run(ctx, listen.Config{
		Inherited: c.Inherited, Sockets: c.Sockets, WithPeer: s.verifier.WithPeer, Large: large, Log: c.Log,
		StandardDeadlines: c.StandardDeadlines, Patience: c.Patience,
	}, sites, ready)
}
