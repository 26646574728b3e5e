package pages

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/gateway"
	"github.com/easgate/easgate/internal/page"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/plugins"
)

// callback is the query parameter with which logins mark a request that is theirs, at whatever path.
const callback = "__eas_oauth_handler__"

// maxBody bounds what a page is sent.
const maxBody = 64 << 10

// A Site serves the pages of mounted config tokens, and passes on what is for an application behind them.
type Site struct {
	verifier *verify.Verifier
	mounts   *mount.Table
	places   map[*mount.Mount]*place
	log      *slog.Logger
}

// A place is what stands behind a mount.
type place struct {
	params *verify.Params
	// route is nil for a mount with pages alone.
	route *gateway.Route
}

// Config is what a [Site] needs.
type Config struct {
	Verifier *verify.Verifier
	Mounts   *mount.Table
	// Roots are the certificate authorities of https upstreams that name none; nil are the system's.
	Roots *x509.CertPool
	Log   *slog.Logger
}

// New returns a site. The error is for an upstream that cannot be.
func New(cfg Config) (*Site, error) {
	s := &Site{verifier: cfg.Verifier, mounts: cfg.Mounts, places: map[*mount.Mount]*place{}, log: cfg.Log}
	for _, m := range cfg.Mounts.Mounts() {
		p := &place{params: verify.TokenParams(pipeline.Reference{
			Token: string(m.Token), Pointer: configtoken.Pointer{StoreID: m.StoreID, TokenID: m.TokenID},
		})}
		if m.Upstream != nil {
			var err error
			if p.route, err = s.route(m, cfg.Roots); err != nil {
				return nil, fmt.Errorf("mount %s: upstream: %w", m, err)
			}
		}
		s.places[m] = p
	}
	return s, nil
}

// Check says which mounts hold a config token that could not decide now. Stores are not asked for theirs.
func (s *Site) Check(ctx context.Context) (problems []error) {
	for _, m := range s.mounts.Mounts() {
		if m.StoreID != "" {
			continue
		}
		q := s.verifier.Begin(&verify.Peer{})
		q.Params = s.places[m].params
		if d, ok := s.verifier.Open(ctx, q, nil); !ok {
			problems = append(problems, fmt.Errorf("mount %s: %w", m, d.Err))
			continue
		}
		q.Close()
	}
	return problems
}

// Serve answers r if it is for a mount, and reports whether it was.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request) bool {
	if len(s.mounts.Mounts()) == 0 {
		return false
	}
	q := s.verifier.Begin(s.verifier.PeerOf(r))
	if err := q.ReadDirect(r, target(r), nil); err != nil {
		// Before anything is routed: nobody knows which mount another reader would find.
		s.log.Debug("a request that is for no mount was refused", "error", err)
		s.fail(w, r, q, nil, http.StatusBadRequest)
		return true
	}
	path := q.Parent.Path()
	m := s.mounts.Find(q.Parent.URL.Host, path)
	if !s.mounts.Clear(q.Parent.URL.Host, path) {
		s.fail(w, r, q, nil, http.StatusBadRequest)
		return true
	}
	if m == nil {
		return false
	}
	if m.Site() != nil {
		if err := q.ReadDirect(r, target(r), m.Site()); err != nil {
			s.fail(w, r, q, m, http.StatusBadRequest)
			return true
		}
	}
	p := s.places[m]
	q.Params = p.params
	v := visit{Site: s, w: w, r: r, q: q, mount: m, place: p, path: m.Below(path)}
	if v.serve() {
		v.forward()
	}
	return true
}

// target is the path and query of r as they were sent, also where a router has changed r.URL since.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	if _, rest, ok := strings.Cut(r.RequestURI, "://"); ok { // a proxy's form (RFC 9112 §3.2.2)
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:]
		}
	}
	return r.URL.RequestURI()
}

// A visit is one request for a mount.
type visit struct {
	*Site
	w     http.ResponseWriter
	r     *http.Request
	q     *verify.Request
	mount *mount.Mount
	place *place
	path  string // below the mount
	// passage is what the upstream is told, once the request may go on to it.
	passage gateway.Passage
}

// serve answers the request, or reports that it is to be forwarded.
func (v *visit) serve() (forward bool) {
	defer v.rescue()
	d, ok := v.verifier.Open(v.r.Context(), v.q, nil)
	if !ok {
		v.refuse(&d)
		return false
	}
	defer v.q.Close()
	pl := v.q.Pipeline()
	found, allowed := pl.Page(v.r.Method, v.path)
	if found == nil && allowed == "" && v.place.route == nil {
		found, allowed = builtin(v.r.Method, v.path)
	}
	if done, forward := v.undecided(pl, found, allowed); done {
		return forward
	}
	d = v.verifier.Ask(v.q, nil)
	v.verifier.Finish(v.r.Context(), v.q, &d)
	if allow := d.Err == nil && d.Result.Verdict == plugins.Allow; allow && found == nil && v.place.route != nil {
		v.pass(pl, &d.Result)
		return true
	}
	pl.CrossSite().Apply(v.w.Header(), v.r)
	switch {
	case d.Err != nil:
		v.fail(d.Result.StatusCode())
	case d.Result.Verdict != plugins.Allow:
		v.deny(&d.Result)
	case found == nil:
		v.fail(http.StatusNotFound)
	default:
		v.show(found, &d.Result)
	}
	return false
}

// isLogin reports whether a login marked the request as its own.
func (v *visit) isLogin() bool {
	u := &v.q.Parent.URL
	return u.RawQuery != "" && u.Query().Has(callback)
}

// undecided answers what needs no decision: what is not there, public pages, preflights, and what another site may not
// do.
func (v *visit) undecided(pl *pipeline.Pipeline, found *plugins.Page, allowed string) (done, forward bool) {
	rules, login := pl.CrossSite(), v.isLogin()
	routed := found == nil && allowed == "" && v.place.route != nil
	switch {
	case rules.Preflight(v.w, v.r):
	case routed && rules.Passes(v.r):
		v.pass(pl, &plugins.Result{})
		return true, true
	case found != nil && found.Public && !login:
		rules.Apply(v.w.Header(), v.r)
		v.show(found, &plugins.Result{})
	case rules.Check(v.r, found != nil || v.ownCookie(pl)) != nil:
		v.fail(http.StatusForbidden)
	case login, routed:
		return false, false
	case found == nil && allowed != "":
		v.w.Header().Set("Allow", allowed)
		v.fail(http.StatusMethodNotAllowed)
	case found == nil:
		v.fail(http.StatusNotFound)
	default:
		return false, false
	}
	return true, false
}

func (v *visit) fail(status int) { v.Site.fail(v.w, v.r, v.q, v.mount, status) }

// refuse answers a request for whose mount there is no pipeline.
func (v *visit) refuse(d *pipeline.Decision) {
	v.verifier.Finish(v.r.Context(), v.q, d)
	v.fail(d.Result.StatusCode())
}

// deny sends the pipeline's answer. What it leaves empty is said in words: a person may be reading.
func (v *visit) deny(res *plugins.Result) {
	if len(res.Body) == 0 && res.StatusCode() >= 400 && res.Header.Get("Location") == "" {
		header, body := page.Message{Status: res.StatusCode(), DecisionID: v.q.ID()}.Render(v.r.Header)
		maps.Copy(header, res.Header)
		res.Header, res.Body = header, body
	}
	verify.Reply(v.w, res, v.q)
}

// show answers with a page; allow is the pipeline's answer, which is nobody's on a public page.
func (v *visit) show(p *plugins.Page, allow *plugins.Result) {
	asked := &v.q.Parent.URL
	in := &plugins.PageRequest{
		Method: v.r.Method, URL: asked, Header: v.r.Header, ClientIP: v.verifier.ClientIP(v.q),
		Base:   &url.URL{Scheme: asked.Scheme, Host: asked.Host, Path: strings.TrimSuffix(v.mount.Path, "/")},
		Source: v.q.Source(), Identity: allow.Identity, Data: allow.Data, DecisionID: v.verifier.Named(v.q),
	}
	if status := v.read(in); status != 0 {
		v.fail(status)
		return
	}
	res, err := p.Serve(v.q.Context(), in)
	if err == nil && res.Status != 0 && (res.Status < 200 || res.Status > 599) {
		err = fmt.Errorf("status %d is no answer", res.Status)
	}
	if err != nil {
		v.log.Error("a page failed", "decision", v.q.ID(), "mount", v.mount.String(), "page", p.Path, "error", err)
		v.fail(http.StatusServiceUnavailable)
		return
	}
	for name, values := range allow.Header {
		if textproto.CanonicalMIMEHeaderKey(name) == "Set-Cookie" { // the others are for an application behind a proxy
			v.w.Header()["Set-Cookie"] = values
		}
	}
	for _, c := range allow.Cookies {
		http.SetCookie(v.w, c)
	}
	v.write(&res)
}

// read reads the body into in, and returns the status of a refusal, or 0.
func (v *visit) read(in *plugins.PageRequest) (refusal int) {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return 0
	}
	var err error
	if in.Body, err = io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxBody)); err != nil {
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusBadRequest
	}
	if kind, _, _ := mime.ParseMediaType(v.r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		if in.Form, err = url.ParseQuery(string(in.Body)); err != nil {
			return http.StatusBadRequest
		}
	}
	return 0
}

// write sends res.
func (v *visit) write(res *plugins.PageResult) {
	h := v.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	for name, values := range res.Header {
		if name = textproto.CanonicalMIMEHeaderKey(name); name == "Set-Cookie" {
			h[name] = append(h[name], values...)
		} else {
			h[name] = values
		}
	}
	for _, c := range res.Cookies {
		http.SetCookie(v.w, c)
	}
	h.Set("X-Eas-Decision-Id", v.q.ID())
	status := res.Status
	if status == 0 {
		status = http.StatusOK
	}
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(res.Body) // the client went away
	}
}

// rescue is deferred: a panic is answered with 500, and logged where somebody looks.
func (v *visit) rescue() {
	p := recover()
	if p == nil {
		return
	}
	v.verifier.Named(v.q)
	v.log.Error("panic: a page failed", "decision", v.q.ID(), "mount", v.mount.String(),
		"panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	v.fail(http.StatusInternalServerError)
}

// fail answers what is no page. What is not there is said briefly: most of it is asked for by machines.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, q *verify.Request, m *mount.Mount, status int) {
	id := s.verifier.Named(q)
	if status == http.StatusNotFound && (m == nil || m.Errors != "status") {
		w.Header().Set("X-Eas-Decision-Id", id)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, http.StatusText(status), status)
		return
	}
	s.tell(w, r, m, status, id)
}

// tell answers with a status, as m wants it told.
func (s *Site) tell(w http.ResponseWriter, r *http.Request, m *mount.Mount, status int, id string) {
	w.Header().Set("X-Eas-Decision-Id", id)
	message := page.Message{Status: status, DecisionID: id}
	if m == nil || m.Errors != "status" {
		message.Write(w, r)
		return
	}
	header, body := message.RenderStatus(time.Now())
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away
	}
}

// builtin returns the page that every mount has at path, unless a plugin has one there.
func builtin(method, path string) (found *plugins.Page, allowed string) {
	switch {
	case path != "/whoami":
		return nil, ""
	case method == http.MethodGet || method == http.MethodHead:
		return &whoami, ""
	}
	return nil, "GET, HEAD"
}

var whoami = plugins.Page{Method: http.MethodGet, Path: "/whoami", Serve: serveWhoami}

// serveWhoami answers as JSON who was authenticated. Claims stay out: they are a token's, and pages of other origins
// that are mistaken for ours should find as little as possible.
func serveWhoami(_ context.Context, r *plugins.PageRequest) (plugins.PageResult, error) {
	id := &r.Identity
	answer := struct {
		Subject    string              `json:"subject"`
		Name       string              `json:"name"`
		Realm      string              `json:"realm,omitempty"`
		Provider   string              `json:"provider"`
		Roles      []string            `json:"roles,omitempty"`
		Scopes     []string            `json:"scopes,omitempty"`
		Attributes map[string][]string `json:"attributes,omitempty"`
		Expires    string              `json:"expires,omitempty"`
	}{id.Subject, id.Name, id.Realm, id.Provider, id.Roles, id.Scopes, id.Attributes, ""}
	if answer.Name == "" {
		answer.Name = id.Subject
	}
	if !id.Expires.IsZero() {
		answer.Expires = id.Expires.UTC().Format("2006-01-02T15:04:05Z")
	}
	body, err := json.Marshal(answer)
	return plugins.PageResult{Header: http.Header{"Content-Type": {"application/json"}}, Body: append(body, '\n')}, err
}
