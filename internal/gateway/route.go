package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config is where the requests of a route go, and how. What is zero has a default.
type Config struct {
	// Upstream is http or https, a host and perhaps a port. A path in it is put before the requests' own.
	Upstream *url.URL
	// StripPrefix is taken off the path of requests, which begins with it: "/api".
	StripPrefix string
	// TLS is how an https upstream is spoken to.
	TLS *tls.Config
	// Connections is how many idle ones are kept, for IdleTimeout at most: 256 and 90 s.
	Connections int
	IdleTimeout time.Duration
	// ConnectTimeout bounds how long a connection may take to come about: 5 s.
	ConnectTimeout time.Duration
	// Timeout is for how long nothing need happen: no byte of a body, a stream or an answer in either direction. 60 s.
	Timeout time.Duration
	// LookAgain is how often a connection that lasts is decided again: 60 s. Soon is how soon it is after a logout: 1 s.
	LookAgain, Soon time.Duration
}

// Env is what routes share.
type Env struct {
	Log *slog.Logger
	// Fail answers a request in the upstream's place, with 502, 504 or 400.
	Fail func(w http.ResponseWriter, r *http.Request, status int, id string)
}

// A Passage is a request that may pass, and as whom.
type Passage struct {
	// Header has each header that tells the upstream who it is, with an empty value for nobody.
	Header http.Header
	// Reply is added to the answer: the cookies of a session that was renewed.
	Reply http.Header
	// Answered, if not nil, is told of the header of the answer before it is sent, and may change it.
	Answered func(http.Header)
	// Private reports whether a cookie is easgate's own, which the upstream does not see; nil: none is.
	Private func(cookie string) bool
	// Scheme and Host are those of the URL that was decided about, Client is who sent it; an invalid address is not told.
	Scheme, Host string
	Client       netip.Addr
	// ID names the decision.
	ID string
	// Again decides anew: whether the request would pass now. An error decides nothing. nil is never asked.
	Again func(ctx context.Context) (bool, error)
}

// A Route passes requests on to one upstream. It is safe for concurrent use.
type Route struct {
	cfg   Config
	env   Env
	proxy httputil.ReverseProxy

	mu sync.Mutex
	// lasting are the requests that became streams; soon is set when they are to be decided again.
	lasting map[*life]struct{}
	soon    bool
}

var errUpstream = errors.New("upstream: want http or https, and a host")

// New returns the route of cfg.
func New(cfg Config, env Env) (*Route, error) {
	u := cfg.Upstream
	if u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return nil, errUpstream
	}
	orDefault(&cfg.Connections, 256)
	orDefault(&cfg.IdleTimeout, 90*time.Second)
	orDefault(&cfg.ConnectTimeout, 5*time.Second)
	orDefault(&cfg.Timeout, time.Minute)
	orDefault(&cfg.LookAgain, time.Minute)
	orDefault(&cfg.Soon, time.Second)
	t := &Route{cfg: cfg, env: env, lasting: map[*life]struct{}{}}
	t.proxy = httputil.ReverseProxy{
		// Not Director: the client's hop-by-hop headers are gone when Rewrite is called, so that a "Connection:
		// Authorization" strips nothing that is set here.
		Rewrite:        t.rewrite,
		ModifyResponse: modifyResponse,
		Transport: newDirect(&cfg, &http.Transport{
			DialContext:         (&net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:     cfg.TLS,
			TLSHandshakeTimeout: cfg.ConnectTimeout,
			ForceAttemptHTTP2:   u.Scheme == "https",
			// Go would ask for compression on its own, and undo it.
			DisableCompression:     true,
			MaxIdleConns:           cfg.Connections,
			MaxIdleConnsPerHost:    cfg.Connections,
			IdleConnTimeout:        cfg.IdleTimeout,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		}),
		BufferPool:   pool{},
		ErrorHandler: t.fail,
		ErrorLog:     slog.NewLogLogger(env.Log.Handler(), slog.LevelDebug),
	}
	return t, nil
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Forward sends r to the upstream, and its answer to the client. It returns when the answer is complete, or the
// connection that it became has ended.
func (t *Route) Forward(w http.ResponseWriter, r *http.Request, p Passage) {
	if strings.ContainsFunc(r.RequestURI, func(c rune) bool { return c <= ' ' || c == 0x7f }) { // HTTP/2 has room for them
		t.env.Fail(w, r, http.StatusBadRequest, p.ID)
		return
	}
	l := t.begin(w, r, &p)
	defer l.finish()
	out := r.WithContext(l)
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = &body{r.Body, l}
	}
	t.proxy.ServeHTTP(w, out)
}

// fail answers for an upstream that does not.
func (t *Route) fail(w http.ResponseWriter, r *http.Request, err error) {
	l := lifeOf(r.Context())
	if context.Cause(l) == context.Canceled { // the client left
		return
	}
	status := http.StatusBadGateway
	var timeout net.Error
	if errors.Is(context.Cause(l), errIdle) || errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	t.env.Log.Warn("the upstream does not answer", "decision", l.passage.ID, "upstream", t.cfg.Upstream.Host, "status",
		status, "error", cause(l, err))
	for name, values := range l.passage.Reply {
		w.Header()[name] = values
	}
	if l.passage.Answered != nil {
		l.passage.Answered(w.Header())
	}
	t.env.Fail(w, r, status, l.passage.ID)
}

func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// LookAgain has all connections that last decided again, because a session has ended somewhere. Calls within a second
// are one.
func (t *Route) LookAgain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.soon {
		return
	}
	t.soon = true
	time.AfterFunc(t.cfg.Soon, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.soon = false
		for l := range t.lasting {
			l.due.Store(true)
			l.timer.Reset(0)
		}
	})
}

// Close closes idle connections to the upstream.
func (t *Route) Close() { t.proxy.Transport.(*direct).CloseIdleConnections() }

// pool lends the buffers that bodies are copied through.
type pool struct{}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Get implements [httputil.BufferPool].
func (pool) Get() []byte { return buffers.Get().(*[32 << 10]byte)[:] }

// Put implements [httputil.BufferPool].
func (pool) Put(b []byte) { buffers.Put((*[32 << 10]byte)(b)) }

// target is the path that is sent for a request target in origin form: the upstream's, and the request's without the
// prefix, byte for byte.
func (t *Route) target(raw string) string {
	path, _, _ := strings.Cut(raw, "?")
	path = strings.TrimPrefix(path, t.cfg.StripPrefix)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return strings.TrimSuffix(t.cfg.Upstream.EscapedPath(), "/") + path
}
