package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/page"
	"github.com/easgate/easgate/plugins"
)

// Pages are what browsers ask for themselves, where the operator mounts the config token. Their paths are below the
// mount.
type Pages struct {
	// Enabled serves the pages. Default true.
	Enabled *bool `json:"enabled,omitempty"`
	// Only begins logins at the page for it and nowhere else: other requests without a session get 401.
	Only bool `json:"only,omitempty"`
	// Login is the path of the page that begins a login. It returns to its parameter redirect_uri, else to after_login.
	// Default /oauth/login.
	Login string `json:"login,omitempty"`
	// Logout is the path of the page that ends the session. It goes on to its parameter redirect_uri, else to
	// after_logout. A request that another site sends, and that is no navigation, logs nobody out. Default /oauth/logout.
	Logout string `json:"logout,omitempty"`
	// Userinfo is the path where a script finds who is logged in, as JSON: userinfo, or the claims of the ID token.
	// Default /oauth/userinfo.
	Userinfo string `json:"userinfo,omitempty"`
	// Callback are paths where the provider sends browsers back to, if redirect_uri leads to one of them. Default none.
	Callback []string `json:"callback,omitempty"`
	// AfterLogin is where a login leads that names no other place. Default /.
	AfterLogin string `json:"after_login,omitempty"`
	// AfterLogout is where a logout leads that names no other place. Default a page that says so.
	AfterLogout string `json:"after_logout,omitempty"`
	// RedirectURIs are where a login may lead besides the site of the request itself and of cookie.domain: URLs, of which
	// scheme, host and port count. after_login is one of them. Scripts of these sites may log out.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// Errors is how failures are told: page, which is JSON for programs, or status: JSON for everybody, with the members
	// code, status, message and timestamp. Default page.
	Errors string `json:"errors,omitempty" enum:"page,status"`
}

// check completes c with its defaults, and returns the origins that it lists.
func (c *Pages) check() (origins []string, err error) {
	for _, at := range []struct {
		path      *string
		name, def string
	}{{&c.Login, "login", "/oauth/login"}, {&c.Logout, "logout", "/oauth/logout"},
		{&c.Userinfo, "userinfo", "/oauth/userinfo"}} {
		if *at.path == "" {
			*at.path = at.def
		}
		if !isPagePath(*at.path) {
			return nil, fmt.Errorf("%s: want a path that begins with a slash", at.name)
		}
	}
	for i, path := range c.Callback {
		if !isPagePath(path) {
			return nil, fmt.Errorf("callback[%d]: want a path that begins with a slash", i)
		}
	}
	seen := map[string]bool{}
	for _, path := range append([]string{c.Login, c.Logout, c.Userinfo}, c.Callback...) {
		if seen[path] {
			return nil, fmt.Errorf("callback, login, logout, userinfo: %q is the path of two of them", path)
		}
		seen[path] = true
	}
	if c.Errors != "" && c.Errors != "page" && c.Errors != "status" {
		return nil, errors.New("errors: want page or status")
	}
	if c.AfterLogin == "" {
		c.AfterLogin = "/"
	}
	for _, target := range []struct{ name, url string }{{"after_login", c.AfterLogin}, {"after_logout", c.AfterLogout}} {
		if strings.HasPrefix(target.url, "/") && !strings.HasPrefix(target.url, "//") || target.url == "" {
			continue
		}
		o, err := siteOf(target.url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w, or a path", target.name, err)
		}
		origins = append(origins, o)
	}
	for i, raw := range c.RedirectURIs {
		o, err := siteOf(raw)
		if err != nil {
			return nil, fmt.Errorf("redirect_uris[%d]: %w", i, err)
		}
		origins = append(origins, o)
	}
	return origins, nil
}

func isPagePath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "?#\\")
}

// siteOf returns the origin of a URL that people may be sent to.
func siteOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", errors.New("want an http or https URL")
	}
	return origin(u), nil
}

// Pages implements [plugins.Pages]. All are public: each looks for the session itself, and other steps of the pipeline
// have no say in who logs in or out.
func (p *Plugin) Pages() []plugins.Page {
	c := &p.s.Config.Pages
	if !on(c.Enabled, true) {
		return nil
	}
	pages := []plugins.Page{
		{Path: c.Login, Public: true, Serve: p.serves(p.loginPage)},
		{Path: c.Logout, Public: true, Serve: p.serves(p.logoutPage)},
		{Path: c.Logout, Method: http.MethodPost, Public: true, Serve: p.serves(p.logoutPage)},
		{Path: c.Userinfo, Public: true, Serve: p.serves(p.userinfoPage)},
	}
	for _, path := range c.Callback {
		pages = append(pages, plugins.Page{Path: path, Public: true, Serve: p.serves(p.callbackPage)},
			plugins.Page{Path: path, Method: http.MethodPost, Public: true, Serve: p.serves(p.callbackPage)})
	}
	return pages
}

// A visitPage answers a request for a page. form is its query, or what a form sent.
type visitPage func(ctx context.Context, r *plugins.Request, form url.Values) (plugins.Result, error)

func (p *Plugin) serves(serve visitPage) func(context.Context, *plugins.PageRequest) (plugins.PageResult, error) {
	return func(ctx context.Context, in *plugins.PageRequest) (plugins.PageResult, error) {
		if p.sealErr != nil {
			return plugins.PageResult{}, p.sealErr
		}
		r := &plugins.Request{Method: in.Method, URL: in.URL, Header: in.Header, Source: in.Source}
		form := in.Form
		if in.Method != http.MethodPost {
			var err error
			if form, err = url.ParseQuery(in.URL.RawQuery); err != nil {
				return answer(p.fail(r, failed.malformed, "a query that cannot be read"), nil)
			}
		}
		return answer(serve(ctx, r, form))
	}
}

// answer is res as a page.
func answer(res plugins.Result, err error) (plugins.PageResult, error) {
	return plugins.PageResult{Status: res.StatusCode(), Header: res.Header, Cookies: res.Cookies, Body: res.Body}, err
}

// loginPage begins a login. Whoever is logged in may do so again, as somebody else.
func (p *Plugin) loginPage(ctx context.Context, r *plugins.Request, form url.Values) (plugins.Result, error) {
	target := form.Get("redirect_uri")
	if target == "" {
		target = p.s.Config.Pages.AfterLogin
	} else if len(target) > maxReturn || !p.leadsHome(r, target, p.sites) {
		return p.fail(r, failed.elsewhere, "redirect_uri leads to another site: list it in pages.redirect_uris"), nil
	}
	return p.begin(ctx, r, beginning{why: "a login was asked for", land: absolute(r, target)})
}

// logoutPage ends the session.
func (p *Plugin) logoutPage(ctx context.Context, r *plugins.Request, form url.Values) (plugins.Result, error) {
	var res plugins.Result
	var err error
	if after := p.s.Config.Pages.AfterLogout; after != "" && form.Get("redirect_uri") == "" {
		res, err = p.leaveFor(ctx, r, after)
	} else {
		res, err = p.logout(ctx, r, form)
	}
	if res.Reason == loggedOut && res.Status == failed.out.status {
		said := p.fail(r, failure{http.StatusOK, page.LoggedOut}, "") // where a proxy asks, 200 would be an allow
		res.Status, res.Header, res.Body = said.Status, said.Header, said.Body
	}
	return res, err
}

// callbackPage takes the provider's answer.
func (p *Plugin) callbackPage(ctx context.Context, r *plugins.Request, form url.Values) (plugins.Result, error) {
	return p.callback(ctx, r, form)
}

// userinfoPage says who is logged in. It sends nobody to log in: scripts ask.
func (p *Plugin) userinfoPage(ctx context.Context, r *plugins.Request, _ url.Values) (plugins.Result, error) {
	var buf [maxCookies]string
	for _, text := range p.cookie.values(r, buf[:0]) {
		k, err := p.look(ctx, r, text)
		switch {
		case err != nil:
			return p.unavailable(r, err)
		case k == nil:
			continue
		case k.why != "":
			return p.fail(r, failed.forbidden, k.why), nil
		}
		body, err := about(&k.session.Value)
		return plugins.Result{Verdict: plugins.Deny, Status: http.StatusOK, Body: body,
			Header: http.Header{"Content-Type": {"application/json"}}}, err
	}
	return p.refuse(ctx, r, beginning{why: "not logged in"}), nil
}

// about is a person as JSON: userinfo, or what the ID token says but for what is about the token itself.
func about(d *data) (json.RawMessage, error) {
	if d.Userinfo != nil {
		return d.Userinfo, nil
	}
	claims, _ := payload(d.Tokens.ID, true)
	info := map[string]any{"sub": d.Person.Subject}
	for name, value := range claims {
		if !slices.Contains(tokenClaims, name) {
			info[name] = value
		}
	}
	return json.Marshal(info)
}

// tokenClaims are about an ID token and not about a person.
var tokenClaims = []string{"iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "acr", "amr", "azp", "at_hash",
	"c_hash", "sid", "jti"}

// refuse answers a request without a session with 401, and sends it nowhere.
func (p *Plugin) refuse(ctx context.Context, r *plugins.Request, b beginning) plugins.Result {
	res := p.unauthorized(ctx, b, "")
	said := p.fail(r, failed.needed, "")
	for name, values := range said.Header {
		res.Header[name] = values
	}
	res.Body = said.Body
	return res
}

// absolute is target, a path of r's site or a URL, as a URL.
func absolute(r *plugins.Request, target string) string {
	if strings.HasPrefix(target, "/") {
		return base(r) + target
	}
	return target
}

// isForeign reports whether a page of another site, that the configuration does not list, makes the browser send r
// without going there itself: by a script, an image, a frame. What says nothing of where it comes from is no such
// browser's.
func (p *Plugin) isForeign(r *plugins.Request) bool {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case from != "" && from != "null" && (from == origin(r.URL) || slices.Contains(p.sites, from)):
		return false
	case site == "":
		return from != ""
	case site != "cross-site":
		return false
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || dest != "" && dest != "document"
}
