package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/internal/oauthclient"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
)

// Settings are all that a login is made of.
type Settings struct {
	// Type is the plugin's, such as "oidc".
	Type     string
	Config   Config
	Features Features
	// Nonce asks for an ID token that names the attempt.
	Nonce bool
	// Rules must hold for a session, each list for what it is named after; see internal/assertion.
	Rules struct{ IDToken, AccessToken, UserInfo assertion.Rules }
	// Expired lets a session go on whose access token has expired and cannot be refreshed.
	Expired bool
	// ACR are the authentication contexts of which a session must have one, MaxAge how many seconds ago its login may be;
	// nil for any.
	ACR    []string
	MaxAge *int64
	// Provider and Kind ask the provider.
	Provider *oauthflow.Provider
	Kind     Kind
	// Client is who we are at the provider.
	Client func(context.Context) (*oauthclient.Client, error)
	// HTTP is closed with the plugin if Own.
	HTTP *http.Client
	Own  bool
}

// Plugin logs people in. It implements [plugins.Plugin].
type Plugin struct {
	s        Settings
	env      plugins.Env
	provider *oauthflow.Provider
	kind     Kind
	features features
	rules    rules
	custom   custom
	scope    string
	scopes   []string
	pkce     bool
	// redirect is the redirect_uri if it is the same for all requests, and landing where that is.
	redirect string
	landing  *url.URL
	// site is what redirects may lead to besides the request's own site.
	origins []string
	// sites are where the page for logins may lead besides, and whose scripts may log out.
	sites []string

	cookie, browser jar
	csrf            bool

	// id names this configuration to attempts, client to sessions.
	id, client string
	sessions   *session.Keeper[data]
	attempts   *oauthflow.Attempts
	names      seal.Box
	// sealErr says why nothing can be sealed.
	sealErr error

	// memory is what is known of sessions, by the hash of their cookie.
	memory  *memo.Memory[[32]byte, *known]
	flights singleflight.Group
	// foreign is set when somebody was told of a cookie that another replica may have sealed.
	foreign atomic.Bool
}

// maxKnown is how many sessions are remembered as they were decided.
const maxKnown = 10_000

type rules struct{ idToken, accessToken, userInfo *assertion.Set }

// New builds the plugin that s describes. It does no I/O.
func New(s Settings, env plugins.Env) (plugins.Plugin, error) {
	p := &Plugin{s: s, env: env, provider: s.Provider, kind: s.Kind, scopes: s.Config.Scopes}
	p.scope = strings.Join(s.Config.Scopes, " ")
	p.pkce = s.Config.PKCE.On(env.Native)
	p.csrf = on(s.Config.CSRFCookie.Enabled, true)
	if m := s.Config.PKCE.CodeChallengeMethod; m != "" && m != "S256" {
		env.Problem(errors.New("pkce.code_challenge_method: want S256"))
	}
	var err error
	if p.cookie, err = newJar(s.Config.Cookie.Name, defaultSessionCookie, s.Config.Cookie.CookieOptions); err != nil {
		return nil, fmt.Errorf("cookie.%w", err)
	}
	if p.browser, err = newJar("", browserCookie, s.Config.CSRFCookie.CookieOptions); err != nil {
		return nil, fmt.Errorf("csrf_cookie.%w", err)
	}
	for _, build := range []func() error{p.redirects, p.compile} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	if p.features, err = newFeatures(s.Features, env.Within("features.")); err != nil {
		return nil, fmt.Errorf("features.%w", err)
	}
	c := &s.Config
	where := c.Issuer.DiscoverURL + "\n" + c.Issuer.Issuer + "\n" + c.Issuer.TokenEndpoint
	who := c.Client.ClientID + "\n" + c.Client.RegistrationClientURI
	p.client = short(s.Type, where, who)
	p.id = short(env.Audience, p.client)
	if err := p.boxes(); err != nil {
		return nil, err
	}
	return p, nil
}

// short is a name for parts.
func short(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// boxes gets what seals. A token is compiled without it when it is sealed.
func (p *Plugin) boxes() error {
	if p.env.Seal == nil || p.env.Sessions == nil {
		p.sealErr = errors.New("no session store is open here")
		return nil
	}
	var err error
	if p.attempts, err = oauthflow.NewAttempts(p.env.Seal); err != nil {
		return err
	}
	if p.names, err = p.env.Seal.For(seal.Cookie, p.env.Audience); err != nil {
		return err
	}
	p.memory = memo.New(memo.Options[[32]byte, *known]{Entries: maxKnown})
	p.sessions, err = session.NewKeeper[data](p.env.Sessions, p.env.Seal, p.env.Audience, p.env.Now)
	return err
}

// redirects checks where people may be sent.
func (p *Plugin) redirects() error {
	c := &p.s.Config
	if c.RedirectURI != "" {
		u, err := url.Parse(c.RedirectURI)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
			return errors.New("redirect_uri: want an http or https URL")
		}
		if strings.HasSuffix(u.Path, "/callback-ua-client-code") {
			return errors.New("redirect_uri: codes are not exchanged by the browser here: write /oauth/callback")
		}
		p.redirect, p.landing = c.RedirectURI, u
	}
	switch c.ResponseMode {
	case "", "query":
	case "form_post":
		if p.redirect == "" {
			return errors.New("response_mode: form_post needs redirect_uri, for a proxy's question has no body")
		}
	default:
		return errors.New("response_mode: want query or form_post")
	}
	if code := c.XHR.RedirectHTTPCode; code != 0 && (code < 300 || code > 499) {
		return errors.New("xhr.redirect_http_code: want a status from 300 to 499")
	}
	for i, raw := range p.s.Features.Logout.RedirectURIs {
		o, err := siteOf(raw)
		if err != nil {
			return fmt.Errorf("features.logout.redirect_uris[%d]: %w", i, err)
		}
		p.origins = append(p.origins, o)
	}
	var err error
	if p.sites, err = p.s.Config.Pages.check(); err != nil {
		return fmt.Errorf("pages.%w", err)
	}
	p.sites = append(p.sites, p.origins...)
	return nil
}

// compile compiles templates and rules.
func (p *Plugin) compile() error {
	var err error
	c := &p.s.Config
	for _, t := range []struct {
		name string
		of   map[string]string
		to   *templates
	}{
		{"custom_authorization_parameters", c.CustomAuthorizationParameters, &p.custom.authorization},
		{"custom_authorization_code_parameters", c.CustomAuthorizationCodeParameters, &p.custom.code},
		{"custom_refresh_parameters", c.CustomRefreshParameters, &p.custom.refresh},
		{"custom_revoke_parameters", c.CustomRevokeParameters, &p.custom.revoke},
	} {
		if *t.to, err = compileTemplates(t.of, p.env.Query); err != nil {
			return fmt.Errorf("%s.%w", t.name, err)
		}
	}
	for _, r := range []struct {
		name string
		raw  assertion.Rules
		to   **assertion.Set
	}{
		{"id_token", p.s.Rules.IDToken, &p.rules.idToken}, {"access_token", p.s.Rules.AccessToken, &p.rules.accessToken},
		{"userinfo", p.s.Rules.UserInfo, &p.rules.userInfo},
	} {
		if *r.to, err = r.raw.Compile(p.env.Query, p.env.Native); err != nil {
			return fmt.Errorf("assertions.%s: %w", r.name, err)
		}
	}
	return nil
}

// Verify allows a request with a session, ends one where the request says so, takes the provider's answer to a login,
// and sends everybody else to log in. The error is for a session store or a provider that does not answer.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	if p.sealErr != nil {
		return plugins.Result{}, p.sealErr
	}
	if strings.Contains(r.URL.RawQuery, oauthflow.Handler) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if handler := query[oauthflow.Handler]; len(handler) > 0 {
			switch {
			case err != nil || len(handler) > 1:
				return p.fail(r, failed.malformed, "a callback or logout whose query cannot be read"), nil
			case handler[0] == oauthflow.Callback:
				return p.callback(ctx, r, query)
			case handler[0] == oauthflow.Logout:
				return p.logout(ctx, r, query)
			}
		}
	}
	if p.landing != nil && r.URL.Path == p.landing.Path && origin(r.URL) == origin(p.landing) {
		// The proxy asks about redirect_uri, too, instead of leading it to our own /oauth/callback: a login for it would have
		// no end.
		if target, err := p.attempts.Answer(r.URL.Query(), p.env.Now()); err == nil {
			return redirect(target, "the provider's answer goes on to where the login began"), nil
		}
	}
	return p.visit(ctx, r)
}

// visit is a request that is neither a callback nor a logout.
func (p *Plugin) visit(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	var buf [maxCookies]string
	var why string
	for _, text := range p.cookie.values(r, buf[:0]) {
		k, err := p.look(ctx, r, text)
		switch {
		case err != nil:
			return p.unavailable(r, err)
		case k == nil:
			why = "the session has ended"
		case k.why != "":
			return p.send(ctx, r, beginning{why: k.why, challenge: k.challenge})
		default:
			return k.res, nil
		}
	}
	if why == "" {
		why = "not logged in"
	}
	return p.send(ctx, r, beginning{why: why})
}

// send has a request without a session log in, or refuses it where logins begin at their page alone.
func (p *Plugin) send(ctx context.Context, r *plugins.Request, b beginning) (plugins.Result, error) {
	if p.s.Config.Pages.Only {
		return p.refuse(ctx, r, b), nil
	}
	return p.begin(ctx, r, b)
}

// Close implements [plugins.Closer].
func (p *Plugin) Close() error {
	if p.s.Own {
		p.s.HTTP.CloseIdleConnections()
	}
	return nil
}

// origin is scheme, host and port of u, in the form that comparing needs.
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	scheme := strings.ToLower(u.Scheme)
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	if port != "" && (scheme != "https" || port != "443") && (scheme != "http" || port != "80") {
		host += ":" + port
	}
	return scheme + "://" + host
}

// leadsHome reports whether a browser that asks for r may be sent to target: to r's own site, to a host of the cookie's
// domain, or to one that the configuration lists.
func (p *Plugin) leadsHome(r *plugins.Request, target string, listed []string) bool {
	u, err := url.Parse(target)
	if err != nil || u.User != nil || strings.ContainsAny(target, "\\\t\r\n ") {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	o := origin(u)
	host := strings.ToLower(u.Hostname())
	return o == origin(r.URL) || slices.Contains(listed, o) ||
		p.cookie.domain != "" && (u.Scheme == "https" || !isHTTPS(r.URL)) &&
			(host == strings.ToLower(p.cookie.domain) || strings.HasSuffix(host, "."+strings.ToLower(p.cookie.domain)))
}
