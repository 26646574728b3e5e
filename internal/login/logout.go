package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/plugins"
)

// loggedOut is the reason of an answer to a logout that was done.
const loggedOut = "logged out"

// logout ends the session of r's browser here and, as configured, its tokens and the provider's own session. It
// answers a browser that has none alike.
func (p *Plugin) logout(ctx context.Context, r *plugins.Request, query url.Values) (plugins.Result, error) {
	target := query.Get("redirect_uri")
	if target != "" && !p.leadsHome(r, target, p.sites) {
		return p.fail(r, failed.target, "redirect_uri leads to another site: list it in features.logout.redirect_uris"), nil
	}
	return p.leaveFor(ctx, r, target)
}

// leaveFor ends the session of r's browser and sends it on to target, which may be "".
func (p *Plugin) leaveFor(ctx context.Context, r *plugins.Request, target string) (plugins.Result, error) {
	if p.isForeign(r) {
		return p.fail(r, failed.foreign, "a logout by another site"), nil
	}
	var ended *data
	var buf [maxCookies]string
	now := p.env.Now()
	for _, text := range p.cookie.values(r, buf[:0]) {
		id, ok := p.idOf(text, now)
		if !ok {
			continue
		}
		s, err := p.load(ctx, id)
		if err != nil {
			return p.unavailable(r, err)
		}
		if s == nil {
			continue
		}
		if err := p.end(ctx, id); err != nil {
			return p.unavailable(r, err)
		}
		ended = &s.Value
		p.revoke(ctx, r, ended)
	}
	target = absolute(r, target)
	next, err := p.endProviderSession(ctx, ended, target)
	if err != nil {
		// The session here has ended; that at the provider must not keep the person here.
		p.warn("logout: the provider's session goes on", err)
	}
	if next == "" {
		next = target
	}
	res := p.fail(r, failed.out, loggedOut)
	if next != "" {
		res = redirect(next, loggedOut)
	}
	res.Cookies = []*http.Cookie{p.cookie.clear(r.URL)}
	return res, nil
}

// base is scheme and host of r.
func base(r *plugins.Request) string {
	scheme := "http"
	if isHTTPS(r.URL) {
		scheme = "https"
	}
	return scheme + "://" + r.URL.Host
}

// revoke ends d's tokens at the provider. One that cannot be revoked keeps nobody from logging out.
func (p *Plugin) revoke(ctx context.Context, r *plugins.Request, d *data) {
	if len(p.features.revoke) == 0 {
		return
	}
	more, err := p.custom.revoke.values(ctx, r)
	for _, kind := range p.features.revoke {
		token := map[string]string{"access_token": d.Tokens.Access, "refresh_token": d.Tokens.Refresh}[kind]
		if token == "" {
			continue
		}
		if err == nil {
			err = p.provider.Revoke(ctx, token, kind, more)
		}
		if err != nil {
			p.warn("logout: "+kind+" is not revoked", err)
			err = nil
		}
	}
}

func (p *Plugin) warn(what string, err error) {
	if p.env.Log != nil {
		p.env.Log.Warn(p.s.Type+": "+what, "error", err)
	}
}

// endProviderSession returns where to send a browser to log out at the provider, "" for nowhere.
func (p *Plugin) endProviderSession(ctx context.Context, d *data, target string) (string, error) {
	o := &p.s.Features.Logout.EndProviderSession
	if d == nil || d.Tokens.ID == "" || !o.Enabled {
		return "", nil
	}
	c, err := p.s.Client(ctx)
	if err != nil {
		return "", err
	}
	v := url.Values{"id_token_hint": {d.Tokens.ID}, "client_id": {c.ID()}}
	if o.PostLogoutRedirectURI != "" {
		v.Set("post_logout_redirect_uri", o.PostLogoutRedirectURI)
		if target != "" && target != o.PostLogoutRedirectURI {
			v.Set("state", p.attempts.SealTarget(target, p.env.Now()))
		}
	}
	next, err := p.provider.EndSessionURL(ctx, v)
	if refused := (*oauthflow.Error)(nil); errors.As(err, &refused) {
		return "", err
	}
	return next, err
}
