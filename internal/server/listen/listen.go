package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of what a client may send and hold; docs/operations.md names them.
const (
	// MaxHeader bounds a request's line and headers together: a token of 64 KB beside headers of 64 KB.
	MaxHeader = 128 << 10
	// MaxStreams are the streams of an HTTP/2 connection. Proxies open one for each of their threads, and more when the
	// streams are used up.
	MaxStreams = 100
	// Requests of more than SmallRequest bytes share LargeBytes while they are decided, where connections carry several.
	SmallRequest = 8 << 10
	LargeBytes   = 32 << 20
)

// How long a connection may stay in a state. A verification takes at most 10 s; the rest is the client's.
const (
	NewLimit    = 10 * time.Second  // from connecting to the end of the first request's headers
	ActiveLimit = 30 * time.Second  // from there to the end of the answer and of the request's body
	IdleLimit   = 120 * time.Second // from there to the end of the next request's headers
)

// patience is how long Run waits at its end for what is in flight.
const patience = 15 * time.Second

// Config is what all sites share.
type Config struct {
	// Inherited are listeners that replace those of the sites' addresses, by the sites' names.
	Inherited map[string]net.Listener
	Sockets   Sockets
	// WithPeer, if not nil, puts who is at the other end of a connection into the context of its requests.
	WithPeer func(ctx context.Context, remote net.Addr) context.Context
	// Large bounds what large requests hold that share connections; see [NewBudget]. nil stands for a budget of its own.
	Large *semaphore.Weighted
	Log   *slog.Logger
	// StandardDeadlines has net/http itself cut off slow clients, which costs some 4 % of the requests that 32
	// connections get through. It is so anyway with a version of Go that the watchdog was not checked with.
	StandardDeadlines bool
	// Patience is how long Run waits at its end for what is in flight; 0 means 15 s.
	Patience time.Duration
}

// NewBudget returns a budget of LargeBytes, for [Config.Large] and others who share it.
func NewBudget() *semaphore.Weighted { return semaphore.NewWeighted(LargeBytes) }

// A Site is one address and what is served there.
type Site struct {
	// Name is what a listener that is handed over is called.
	Name string
	// Addr is "host:port" or "unix:/path". Without it the site is left out, unless its listener is handed over.
	Addr string
	// Handler answers over HTTP, with TLS if it is not nil, and with H2C also over HTTP/2 in clear, by prior knowledge
	// (RFC 9113 §3.3).
	Handler http.Handler
	TLS     *tls.Config
	H2C     bool
	// Server, if not nil, serves in place of all that.
	Server Server
}

// A Server serves a listener until Shutdown, which waits for what is in flight as long as its context lasts.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// Run listens and serves until ctx ends, then finishes what is in flight. ready, if not nil, is called once all
// addresses accept connections, with the first one.
func Run(ctx context.Context, cfg Config, sites []Site, ready func(net.Addr)) error {
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	if cfg.Large == nil {
		cfg.Large = NewBudget()
	}
	var dog *watchdog
	if !cfg.StandardDeadlines && checked(runtime.Version()) {
		dog = newWatchdog()
		// Slow clients are cut off while shutting down, too.
		watch, stopWatch := context.WithCancel(context.WithoutCancel(ctx))
		defer stopWatch()
		go dog.run(watch)
	}
	open, err := cfg.open(sites, dog)
	if err != nil {
		return err
	}
	failed := make(chan error, len(open))
	var wg sync.WaitGroup
	for _, s := range open {
		wg.Go(func() {
			if err := s.Serve(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	if ready != nil {
		ready(open[0].listener.Addr())
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Patience)
	defer cancel()
	errs := make([]error, len(open))
	for i, s := range open {
		wg.Go(func() { errs[i] = s.Shutdown(stop) })
	}
	wg.Wait()
	return errors.Join(err, errors.Join(errs...))
}

// An opened site.
type opened struct {
	Server
	listener net.Listener
}

// open opens all sites, or none.
func (c *Config) open(sites []Site, dog *watchdog) (all []opened, err error) {
	for _, s := range sites {
		if s.Addr == "" && c.Inherited[s.Name] == nil {
			continue
		}
		l, err := c.listen(s.Name, s.Addr)
		if err != nil {
			for _, o := range all {
				_ = o.listener.Close()
			}
			return nil, err
		}
		if s.Server == nil {
			if dog != nil {
				l = watchedListener{l, dog}
			}
			if s.TLS != nil {
				l = tls.NewListener(l, s.TLS)
			}
			s.Server = c.httpServer(s.Handler, dog, s.H2C && s.TLS == nil)
		}
		all = append(all, opened{s.Server, l})
	}
	if len(all) == 0 {
		return nil, errors.New("listen: no address")
	}
	return all, nil
}

// httpServer returns a server whose slow clients are cut off by dog, or by itself without one.
func (c *Config) httpServer(h http.Handler, dog *watchdog, h2c bool) *http.Server {
	srv := &http.Server{ //nolint:gosec // G112: see below
		Handler:        h,
		MaxHeaderBytes: MaxHeader,
		// net/http answers "OPTIONS *" with 200 of its own.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			if t, ok := conn.(*tls.Conn); ok {
				conn = t.NetConn()
			}
			ctx = context.WithValue(ctx, watchedKey{}, conn)
			if c.WithPeer != nil {
				ctx = c.WithPeer(ctx, conn.RemoteAddr())
			}
			return ctx
		},
	}
	if dog != nil {
		srv.ConnState = dog.connState
	} else {
		srv.ReadHeaderTimeout, srv.IdleTimeout = NewLimit, IdleLimit
		srv.ReadTimeout, srv.WriteTimeout = ActiveLimit, ActiveLimit
	}
	if h2c {
		takeHTTP2(srv, c.Large)
	}
	return srv
}

// listen returns the listener called name: the inherited one, or one at addr, which is "host:port" or "unix:/path".
func (c *Config) listen(name, addr string) (net.Listener, error) {
	if l := c.Inherited[name]; l != nil {
		return l, nil
	}
	path, unix := strings.CutPrefix(addr, "unix:")
	if !unix {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			err = fmt.Errorf("listen %s: %w", addr, err)
		}
		return l, err
	}
	l, err := listenUnix(path, c.Sockets)
	if err != nil {
		return nil, fmt.Errorf("listen unix:%s: %w", path, err)
	}
	return l, nil
}
