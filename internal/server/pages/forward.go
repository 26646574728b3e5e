package pages

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/gateway"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

// route is where requests for m go on to.
func (s *Site) route(m *mount.Mount, roots *x509.CertPool) (*gateway.Route, error) {
	u := m.Upstream
	cfg := gateway.Config{
		Upstream: u.Target(), Connections: u.Connections, IdleTimeout: time.Duration(u.IdleTimeout),
		ConnectTimeout: time.Duration(u.ConnectTimeout), Timeout: time.Duration(u.Timeout),
		LookAgain: time.Duration(u.LookAgain),
	}
	if u.StripPrefix {
		cfg.StripPrefix = strings.TrimSuffix(m.Path, "/")
	}
	if cfg.Upstream.Scheme == "https" {
		settings := tlsclient.Settings{Cert: u.TLS.Cert, Key: string(u.TLS.Key), ServerName: u.TLS.ServerName}
		if u.TLS.CA != "" {
			settings.CA = []string{u.TLS.CA}
		}
		if u.TLS.Fingerprint != "" {
			settings.Fingerprints = []string{u.TLS.Fingerprint}
		}
		var err error
		cfg.TLS, err = settings.Config(cfg.Upstream.Hostname(), roots,
			func(text string) { s.log.Warn("upstream: "+text, "mount", m.String()) })
		if err != nil {
			return nil, err
		}
	}
	return gateway.New(cfg, gateway.Env{
		Log: s.log, Fail: func(w http.ResponseWriter, r *http.Request, status int, id string) { s.tell(w, r, m, status, id) },
	})
}

// ownCookie reports whether the request carries a cookie of a plugin's, such as a session's.
func (v *visit) ownCookie(pl *pipeline.Pipeline) bool {
	if !pl.HasCookies() {
		return false
	}
	for _, line := range v.r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(pair, "="); pl.OwnCookie(strings.TrimSpace(name)) {
				return true
			}
		}
	}
	return false
}

// pass notes what the upstream is told of an allowed request. Each header that the token may send is told, empty if
// there is no value, so that none of the client's passes.
func (v *visit) pass(pl *pipeline.Pipeline, res *plugins.Result) {
	p := &v.passage
	p.ID, p.Client = v.verifier.Named(v.q), v.verifier.ClientIP(v.q)
	p.Scheme, p.Host = v.q.Parent.URL.Scheme, v.q.Parent.URL.Host
	p.Header = make(http.Header, len(res.Header)+4)
	for _, name := range pl.HeaderNames() {
		p.Header[name] = nil
	}
	reply := func(name string, values ...string) {
		if p.Reply == nil {
			p.Reply = http.Header{}
		}
		p.Reply[name] = append(p.Reply[name], values...)
	}
	for name, values := range res.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch to := verify.DestinationOf(name); {
		case to == verify.ToUpstream:
			p.Header[name] = values
		case to == verify.ToClient, to == verify.ToClientToo:
			reply(name, values...)
		}
	}
	for _, c := range res.Cookies {
		reply("Set-Cookie", c.String())
	}
	if pl.HasCookies() {
		p.Private = pl.OwnCookie
	}
	if rules := pl.CrossSite(); rules != nil {
		p.Answered = func(h http.Header) { rules.Apply(h, v.r) }
	}
	p.Again = v.again
}

// again decides the request once more, as it stands. Faults are no answer; a config token that is gone is.
func (v *visit) again(ctx context.Context) (bool, error) {
	q := v.verifier.Begin(v.q.Peer)
	if err := q.ReadDirect(v.r, target(v.r), v.mount.Site()); err != nil {
		return false, nil //nolint:nilerr // it was none of these before
	}
	q.Params = v.place.params
	d, ok := v.verifier.Open(ctx, q, nil)
	if !ok {
		if pipeline.Gone(d.Err) {
			return false, nil
		}
		return false, d.Err
	}
	defer q.Close()
	d = v.verifier.Ask(q, nil)
	if d.Err != nil {
		return false, d.Err
	}
	return d.Result.Verdict == plugins.Allow, nil
}

// forward passes the request on. The connection's limits are the route's from here on.
func (v *visit) forward() {
	if u := v.mount.Upstream; u.StripPrefix && !strings.HasPrefix(target(v.r), strings.TrimSuffix(v.mount.Path, "/")) {
		v.fail(http.StatusBadRequest) // the prefix is written in another way
		return
	}
	listen.Lend(v.r.Context())
	v.place.route.Forward(v.w, v.r, v.passage)
}

// LookAgain has all connections to upstreams that last decided again soon, because a session has ended.
func (s *Site) LookAgain() {
	for _, p := range s.places {
		if p.route != nil {
			p.route.LookAgain()
		}
	}
}
