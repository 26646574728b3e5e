package verify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/server/metrics"
	"github.com/easgate/easgate/plugins"
)

// MaxURL bounds the verify URL's query, and with it the token: 64 KB.
const MaxURL = 64 << 10

// Config is what a [Verifier] needs.
type Config struct {
	// Trusted are the proxies whose forwarding headers are believed; with TrustSockets, also whoever asks at a unix
	// socket.
	Trusted      parent.Trusted
	TrustSockets bool
	// Profile is how the parent request is read where the verify URL does not say.
	Profile   parent.Profile
	Pipelines *pipeline.Cache
	// URLQueries are the languages that the verify URL may use; nil switches its queries off.
	URLQueries query.Engines
	// CookieSecret verifies cookies that external-auth-server signed, where queries look at them.
	CookieSecret []byte
	// Timeout bounds one verification; 0 means 10 s.
	Timeout time.Duration
	// Metrics counts; nil counts for nobody.
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// LogAllows logs what was allowed at info instead of debug.
	LogAllows bool
	// OmitUsers leaves the names of users out of the log.
	OmitUsers bool
	Now       func() time.Time
}

// A Verifier answers verify requests. It is safe for concurrent use.
type Verifier struct {
	cfg     Config
	params  *otter.Cache[string, *Params]
	refused *otter.Cache[netip.Addr, struct{}]
	ids     *ids
}

// New returns a verifier.
func New(cfg Config) (*Verifier, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.New(prometheus.NewRegistry(), nil)
	}
	urls := stats.NewCounter()
	cfg.Metrics.Cache("url", func() (asked, missed uint64) {
		s := urls.Snapshot()
		loads := s.LoadSuccesses + s.LoadFailures // a miss is counted twice, when it is looked for and when it is loaded
		return s.Hits + loads, loads
	})
	cfg.Metrics.Cache("token", func() (asked, missed uint64) { asked, missed, _, _ = cfg.Pipelines.Counts(); return })
	cfg.Metrics.Cache("pipeline", func() (asked, missed uint64) { _, _, asked, missed = cfg.Pipelines.Counts(); return })
	v := &Verifier{cfg: cfg, ids: newIDs()}
	var err error
	v.params, err = otter.New(&otter.Options[string, *Params]{
		StatsRecorder: urls,
		MaximumWeight: 48 << 20,
		Weigher:       func(raw string, p *Params) uint32 { return p.weight() + uint32(len(raw)) }, // at most 64 KB
	})
	if err != nil {
		return nil, err
	}
	v.refused, err = otter.New(&otter.Options[netip.Addr, struct{}]{MaximumSize: 1000})
	return v, err
}

// Profile is how the parent request is read where the request does not say.
func (v *Verifier) Profile() parent.Profile { return v.cfg.Profile }

// A Request is one verify request on its way through, whatever protocol it came by: who asks, by which parameters,
// about which parent request. It is one allocation. [Verifier.Begin] makes it, and whoever knows the protocol fills
// in the rest.
type Request struct {
	// Peer is the proxy that asks.
	Peer *Peer
	// Params select the config token. They are never nil.
	Params *Params
	// Profile is the kind of the proxy.
	Profile parent.Profile
	// Parent is the request that is decided.
	Parent parent.Request
	// What queries see as req: the client's headers as the proxy passed them on, under canonical names, and the rest of
	// the verify request.
	Header                 http.Header
	Host, Method, RawQuery string
	Major, Minor           int

	decided  plugins.Request
	pipeline *pipeline.Pipeline
	source   source
	ctx      deadline
	start    time.Time
	// id names the decision, in the log and in the reply; in the form of a header's values.
	id [1]string
}

// Named gives q an id before it is finished, and returns it.
func (v *Verifier) Named(q *Request) string {
	if q.id[0] == "" {
		q.id[0] = v.ids.next()
	}
	return q.id[0]
}

// ClientIP is the client's address as far as trusted proxies vouch for it; invalid when unknown.
func (v *Verifier) ClientIP(q *Request) netip.Addr {
	return parent.ClientIP(q.Peer.Addr, q.Header["X-Forwarded-For"], v.cfg.Trusted)
}

// ID names the decision, once it is finished.
func (q *Request) ID() string { return q.id[0] }

// Begin returns a request that selects no token yet, and so is denied.
func (v *Verifier) Begin(from *Peer) *Request {
	return &Request{Peer: from, Params: &noParams, Profile: v.cfg.Profile, start: v.cfg.Now()}
}

// noParams are the parameters of those whose parameters are not read.
var noParams = Params{fallback: -1}

// Verify answers /verify.
func (v *Verifier) Verify(w http.ResponseWriter, r *http.Request) {
	v.Answer(w, r, func() *Params { return v.URLParams(r.URL.RawQuery) }, "")
}

// Answer decides the parent request that r describes, by the token that the parameters select, and replies. suffix
// is the parent request's path and query where the endpoint's own path carries them. parse gives the parameters; it
// is not called for a peer that is no proxy, whose queries nobody compiles.
func (v *Verifier) Answer(w http.ResponseWriter, r *http.Request, parse func() *Params, suffix string) {
	q := v.Begin(v.PeerOf(r))
	if q.Peer.Trusted {
		q.Params = parse()
	}
	d := v.judge(q, r, suffix, nil)
	if headerBytes(d.Result.Header) > maxReplyHeader {
		d = Refuse(http.StatusServiceUnavailable, errReplyTooLong)
	}
	v.Finish(r.Context(), q, &d)
	Reply(w, &d.Result, q)
}

// Explain decides r, a request to /verify, as it would be answered, and tells trace about every step on the way. It
// counts and logs nothing. status is what the proxy would get.
func (v *Verifier) Explain(r *http.Request, trace func(pipeline.Event)) (d pipeline.Decision, status int) {
	q := v.Begin(v.PeerOf(r))
	q.Params = parseParams(r.URL.RawQuery, v.cfg.URLQueries)
	d = v.judge(q, r, "", trace)
	return d, dialect(q.Profile, q.Status(&d.Result))
}

// Refuse is the answer to what cannot even be judged.
func Refuse(status int, err error) pipeline.Decision {
	return pipeline.Decision{Result: plugins.Result{Status: status}, Step: refusedStep, Err: err}
}

// Refused reports whether d is a refusal, which no pipeline made.
func Refused(d *pipeline.Decision) bool { return d.Step == refusedStep }

const refusedStep = -2

var (
	errUntrusted = errors.New("the peer is not a trusted proxy")
	errTooLong   = errors.New("verify URL longer than 64 KB")
	errPanic     = errors.New("panic")
	errCookies   = fmt.Errorf("more than %d cookies: no browser sends that many", maxCookies)
)

// read takes from r what queries see.
func (q *Request) read(r *http.Request) {
	q.Header, q.Host, q.Method, q.RawQuery = r.Header, r.Host, r.Method, r.URL.RawQuery
	q.Major, q.Minor = r.ProtoMajor, r.ProtoMinor
}

// ReadDirect reads r, which is its own parent request and not a proxy's question. target is its path and query as
// sent. Scheme and host are site's, if it is not nil.
func (q *Request) ReadDirect(r *http.Request, target string, site *url.URL) (err error) {
	q.Profile = parent.Direct
	q.read(r)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	in := parent.Input{
		Header: r.Header, Host: r.Host, Method: r.Method, Suffix: target, Scheme: scheme, Forwarded: q.Peer.Trusted,
	}
	if site != nil {
		in.Scheme, in.Host, in.Forwarded = site.Scheme, site.Host, false
	}
	q.Parent, err = parent.Direct.Parse(in)
	return err
}

// judge reads r into q, and has it decided.
func (v *Verifier) judge(q *Request, r *http.Request, suffix string, trace func(pipeline.Event)) (d pipeline.Decision) {
	defer v.Rescue(&d)
	if q.Params.hasProfile {
		q.Profile = q.Params.profile
	} else if suffix != "" && q.Profile == parent.Auto {
		q.Profile = parent.Envoy
	}
	if !q.Peer.Trusted { // not even at a socket, where it has no address, does its X-Forwarded-For count
		v.RefusePeer(q.Peer)
		return Refuse(http.StatusForbidden, errUntrusted)
	}
	q.read(r)
	if len(q.RawQuery) > MaxURL {
		return Refuse(http.StatusServiceUnavailable, errTooLong)
	}
	if err := q.Params.err; err != nil {
		return Refuse(http.StatusServiceUnavailable, err)
	}
	asked, err := q.Profile.Parse(parent.Input{
		Header: r.Header, Host: r.Host, Method: r.Method, Suffix: suffix, TrustStrip: q.Params.strip,
	})
	if err != nil {
		return Refuse(http.StatusForbidden, err)
	}
	q.Parent = asked
	return v.Decide(r.Context(), q, trace)
}

// Rescue is deferred: it turns a panic into a refusal. Over gRPC it would end the process, and net/http would log it
// where nobody looks.
func (v *Verifier) Rescue(d *pipeline.Decision) {
	p := recover()
	if p == nil {
		return
	}
	what := fmt.Sprintf("%T", p) // other values could hold anything, secrets too
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	v.cfg.Log.Error("panic: a fault in easgate, the request was denied", "panic", what, "stack", string(debug.Stack()))
	*d = Refuse(http.StatusServiceUnavailable, errPanic)
}

// maxCookies is several times what browsers keep for a site (RFC 6265 §6.1 asks them for 50). Thousands, which rules
// and headers would look at one by one, are somebody's way to take the processor from everybody else.
const maxCookies = 1000

// cookiesOf is how many cookies h has at most.
func cookiesOf(h http.Header) int {
	n := 0
	for _, line := range h["Cookie"] {
		n += 1 + strings.Count(line, ";")
	}
	return n
}

// Decide asks the pipeline that q's parameters select. trace, if not nil, is told about every step.
func (v *Verifier) Decide(ctx context.Context, q *Request, trace func(pipeline.Event)) pipeline.Decision {
	if d, ok := v.Open(ctx, q, trace); !ok {
		return d
	}
	defer q.Close()
	return v.Ask(q, trace)
}

// Open finds the pipeline that q's parameters select, and holds it for q until Close. If there is none, d says why.
func (v *Verifier) Open(ctx context.Context, q *Request, trace func(pipeline.Event)) (d pipeline.Decision, ok bool) {
	if cookiesOf(q.Header) > maxCookies {
		return Refuse(http.StatusForbidden, errCookies), false
	}
	q.source.of, q.source.cfg = q, &v.cfg
	q.decided = plugins.Request{Method: q.Parent.Method, URL: &q.Parent.URL, Header: q.Header, Source: &q.source}
	q.ctx = deadline{Context: ctx, at: q.start.Add(v.cfg.Timeout)}
	defer func() {
		if !ok {
			q.ctx.release()
		}
	}()
	selector := &q.Params.selector
	ref, err := selector.Resolve(&q.ctx, &q.decided)
	if err != nil {
		return Refuse(http.StatusServiceUnavailable, err), false
	}
	if trace != nil && selector.Queries != nil {
		text := fmt.Sprintf("the verify URL's queries gave store %q, token %q", ref.Pointer.StoreID, ref.Pointer.TokenID)
		trace(pipeline.Event{Step: refusedStep, Kind: "token", Text: text})
	}
	q.pipeline, err = v.cfg.Pipelines.Pipeline(&q.ctx, ref)
	if err != nil {
		return Refuse(http.StatusServiceUnavailable, err), false
	}
	q.source.showTo(q.pipeline.Native())
	return d, true
}

// Ask has the open pipeline decide. What it allows after the time is up is denied, whichever step took that long.
func (v *Verifier) Ask(q *Request, trace func(pipeline.Event)) pipeline.Decision {
	d := q.pipeline.Decide(&q.ctx, &q.decided, pipeline.Options{
		Fallback: q.Params.fallback, OmitFailed: q.Profile == parent.EAS, Trace: trace,
	})
	if d.Result.Verdict == plugins.Allow && !v.cfg.Now().Before(q.ctx.at) {
		return Refuse(http.StatusServiceUnavailable, errTooLate)
	}
	return d
}

var errTooLate = errors.New("the time for a verification was up before the decision")

// Source shows the request to queries of the token whose pipeline is open.
func (q *Request) Source() plugins.Source { return &q.source }

// Pipeline is the open pipeline, and Context lasts as long as a verification may.
func (q *Request) Pipeline() *pipeline.Pipeline { return q.pipeline }

// Context ends with the request or when its time is up.
func (q *Request) Context() context.Context { return &q.ctx }

// Close gives back what Open took.
func (q *Request) Close() {
	q.ctx.release()
	q.pipeline.Release()
	q.pipeline = nil
}

// Finish names the decision, logs and counts it.
func (v *Verifier) Finish(ctx context.Context, q *Request, d *pipeline.Decision) {
	v.Named(q)
	v.report(ctx, q, d)
}

// ids makes decision ids: a random prefix for the process, and a count.
type ids struct {
	prefix string
	count  atomic.Uint64
}

func newIDs() *ids {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return &ids{prefix: hex.EncodeToString(b) + "-"}
}

func (i *ids) next() string {
	b := make([]byte, 0, 24)
	b = append(b, i.prefix...)
	return string(strconv.AppendUint(b, i.count.Add(1), 36))
}
