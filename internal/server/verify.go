package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/plugins"
)

// A verification is one verify request on its way through. It is one allocation.
type verification struct {
	request plugins.Request
	parent  parent.Request
	source  source
	ctx     deadline
	profile parent.Profile
	start   time.Time
	// id names the decision, in the log and in the reply; in the form of a header's values.
	id [1]string
}

// verify answers /verify.
func (s *Server) verify(c echo.Context) error {
	r := c.Request()
	s.answer(c.Response().Writer, r, func() *params { return s.urlParams(r.URL.RawQuery) }, "")
	return nil
}

// urlParams is parseParams, remembered for each URL.
func (s *Server) urlParams(raw string) *params {
	if p := s.knownParams(raw); p != nil {
		return p
	}
	if len(raw) > maxToken {
		return parseParams(raw, s.cfg.URLQueries)
	}
	return s.loadParams(raw, func() *params { return parseParams(raw, s.cfg.URLQueries) })
}

// answer decides the parent request that r describes, by the token that the parameters select, and replies. suffix is
// the parent request's path and query where the endpoint's own path carries them. parse gives the parameters; it is not
// called for a peer that is no proxy, whose queries nobody compiles.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, parse func() *params, suffix string) {
	from := s.caller(r)
	p := &noParams
	if from.trusted {
		p = parse()
	}
	v := s.begin(p, suffix)
	d := s.judge(v, r, from, p, suffix, nil)
	if headerBytes(d.Result.Header) > maxReplyHeader {
		d = refusal(http.StatusServiceUnavailable, errReplyTooLong)
	}
	v.id[0] = s.ids.next()
	s.report(r.Context(), v, &d)
	s.reply(w, &d.Result, v, p.redirect)
}

// noParams are the parameters of whom nobody believes.
var noParams = params{fallback: -1}

// maxReplyHeader bounds what a reply carries. Proxies reserve 4 to 16 KB for it by default, and answer for themselves
// beyond; Node.js ends the connection.
const maxReplyHeader = 16 << 10

func headerBytes(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

func (s *Server) begin(p *params, suffix string) *verification {
	v := &verification{start: s.cfg.Now(), profile: s.cfg.Profile}
	if p.hasProfile {
		v.profile = p.profile
	} else if suffix != "" && v.profile == parent.Auto {
		v.profile = parent.Envoy
	}
	return v
}

// refusal is the answer to what cannot even be judged.
func refusal(status int, err error) pipeline.Decision {
	return pipeline.Decision{Result: plugins.Result{Status: status}, Step: refusedStep, Err: err}
}

// refusedStep marks a decision that no pipeline made.
const refusedStep = -2

var (
	errUntrusted = errors.New("the peer is not a trusted proxy")
	errTooLong   = errors.New("verify URL longer than 64 KB")
	errPanic     = errors.New("panic")

	errCookies      = fmt.Errorf("more than %d cookies: no browser sends that many", maxCookies)
	errReplyTooLong = errors.New("custom headers longer than 16 KB together: no proxy takes that many")
)

func (s *Server) judge(v *verification, r *http.Request, from *caller, p *params, suffix string, trace func(pipeline.Event)) (d pipeline.Decision) {
	defer s.rescue(&d)
	// What the log says of a request that is refused.
	v.source = source{peer: from.addr, cfg: &s.cfg}
	if !from.trusted { // not even at a socket, where it has no address, does its X-Forwarded-For count
		s.refusePeer(from.addr)
		return refusal(http.StatusForbidden, errUntrusted)
	}
	v.source.header = r.Header
	if len(r.URL.RawQuery) > maxToken {
		return refusal(http.StatusServiceUnavailable, errTooLong)
	}
	if p.err != nil {
		return refusal(http.StatusServiceUnavailable, p.err)
	}
	parentRequest, err := v.profile.Parse(parent.Input{
		Header: r.Header, Host: r.Host, Method: r.Method, Suffix: suffix, TrustStrip: p.strip,
	})
	if err != nil {
		return refusal(http.StatusForbidden, err)
	}
	v.parent = parentRequest
	v.source = source{
		header: r.Header, host: r.Host, method: r.Method, rawQuery: r.URL.RawQuery,
		major: r.ProtoMajor, minor: r.ProtoMinor, parent: &v.parent,
	}
	return s.decide(r.Context(), v, from.addr, p, trace)
}

// rescue is deferred: it turns a panic into a refusal. Over gRPC it would end the process, and net/http would log it
// where nobody looks.
func (s *Server) rescue(d *pipeline.Decision) {
	v := recover()
	if v == nil {
		return
	}
	what := fmt.Sprintf("%T", v) // other values could hold anything, secrets too
	if err, ok := v.(runtime.Error); ok {
		what = err.Error()
	}
	s.cfg.Log.Error("panic: a fault in easgate, the request was denied", "panic", what, "stack", string(debug.Stack()))
	*d = refusal(http.StatusServiceUnavailable, errPanic)
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

// decide asks the pipeline. v.parent and v.source describe the request by now, however it came.
func (s *Server) decide(ctx context.Context, v *verification, peer netip.Addr, p *params, trace func(pipeline.Event)) pipeline.Decision {
	v.source.peer, v.source.cfg = peer, &s.cfg
	if cookiesOf(v.source.header) > maxCookies {
		return refusal(http.StatusForbidden, errCookies)
	}
	v.request = plugins.Request{
		Method: v.parent.Method, URL: &v.parent.URL, Header: v.source.header, Source: &v.source,
	}
	v.ctx = deadline{Context: ctx, at: v.start.Add(s.cfg.VerifyTimeout)}
	defer v.ctx.release()
	ref, err := p.selector.Resolve(&v.ctx, &v.request)
	if err != nil {
		return refusal(http.StatusServiceUnavailable, err)
	}
	if trace != nil && p.selector.Queries != nil {
		trace(pipeline.Event{Step: refusedStep, Kind: "token", Text: fmt.Sprintf("the verify URL's queries gave store %q, token %q", ref.Pointer.StoreID, ref.Pointer.TokenID)})
	}
	pl, err := s.cfg.Pipelines.Pipeline(&v.ctx, ref)
	if err != nil {
		return refusal(http.StatusServiceUnavailable, err)
	}
	v.source.showTo(pl.Native())
	return pl.Decide(&v.ctx, &v.request, pipeline.Options{Fallback: p.fallback, OmitFailed: v.profile == parent.EAS, Trace: trace})
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

// connKey is the context key of the connection's peer, found once per connection.
type connKey struct{}

// A caller is who sent a request.
type caller struct {
	// addr is invalid for whoever comes through a unix socket.
	addr    netip.Addr
	trusted bool
	// conn is the connection, if it is HTTP without TLS.
	conn *watched
}

// caller returns who sent r, and whether its forwarding headers are to be believed.
func (s *Server) caller(r *http.Request) *caller {
	if c, ok := r.Context().Value(connKey{}).(*caller); ok {
		return c
	}
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return s.newCaller(net.TCPAddrFromAddrPort(ap))
}

func (s *Server) newCaller(remote net.Addr) *caller {
	switch a := remote.(type) {
	case *net.UnixAddr:
		return &caller{trusted: s.cfg.Sockets.Trust}
	case *net.TCPAddr:
		addr := a.AddrPort().Addr().Unmap().WithZone("")
		return &caller{addr: addr, trusted: s.cfg.Trusted.Contains(addr)}
	}
	return &caller{}
}

// refusePeer tells the operator, once for each address, which setting would admit the peer.
func (s *Server) refusePeer(addr netip.Addr) {
	if _, told := s.refused.GetIfPresent(addr); told {
		return
	}
	s.refused.Set(addr, struct{}{})
	peer, setting := addr.String(), "EAS_TRUSTED_PROXIES="+addr.String()
	if !addr.IsValid() {
		peer, setting = "a unix socket", "EAS_TRUST_SOCKETS=true"
	}
	s.cfg.Log.Warn("verify request from a peer that is no trusted proxy was denied",
		"peer", peer, "hint", "if this is your proxy, add it: "+setting)
}
