package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
)

// answerParameters may come once only.
var answerParameters = []string{"code", "error", "iss", "state"}

// callback takes the provider's answer. Until the tokens are checked it writes one thing, that the state was used.
func (p *Plugin) callback(ctx context.Context, r *plugins.Request, answer url.Values) (plugins.Result, error) {
	for _, name := range answerParameters {
		if len(answer[name]) > 1 {
			return p.fail(r, failed.malformed, "the callback has several "+name), nil
		}
	}
	now := p.env.Now()
	a, err := p.attempts.Open(answer.Get("state"), now)
	late := errors.Is(err, oauthflow.ErrLate)
	switch {
	case err != nil && !late:
		return p.fail(r, failed.state, "the callback's state: "+err.Error()), nil
	case a.Login != p.id:
		return p.fail(r, failed.state, "the callback's state is another login's"), nil
	case !sameHost(a.Return, r.URL):
		return p.fail(r, failed.state, "the callback is at another host than the login began at"), nil
	case late:
		return p.retry(r, failed.late, "the login took longer than an hour", a.Return), nil
	}
	browser, owner := p.owner(r, &a, now)
	if !owner {
		return p.stranger(ctx, r, &a)
	}
	first, err := p.sessions.Once(ctx, "state:"+short(a.ID), a.Expires())
	if err != nil {
		return p.unavailable(r, storeError(err))
	}
	if !first {
		return p.retry(r, failed.used, "the callback's state was used before", a.Destination()), nil
	}
	if res, done, err := p.refusedBy(ctx, r, &a, answer); done {
		return res, err
	}
	return p.exchange(ctx, r, &a, browser, answer.Get("code"))
}

func sameHost(target string, u *url.URL) bool {
	t, err := url.Parse(target)
	return err == nil && origin(t) == origin(u)
}

// owner returns the secret that a was begun with, if r's browser has it.
func (p *Plugin) owner(r *plugins.Request, a *oauthflow.Attempt, now time.Time) (oauthflow.Browser, bool) {
	if !p.csrf {
		var b oauthflow.Browser
		ok := copy(b[:], a.Secret) == len(b)
		return b, ok && a.Of(b)
	}
	var buf [maxCookies]string
	for _, text := range p.browser.values(r, buf[:0]) {
		if b, ok := p.attempts.OpenBrowser(text, now); ok && a.Of(b) {
			return b, true
		}
	}
	return oauthflow.Browser{}, false
}

// stranger answers a callback whose browser did not begin the login, or cannot show it: of several tabs that began at
// once without a cookie, only the last one's is left. Whoever is logged in by now goes on; others begin again. The
// code stays unused, so that nobody is logged in as somebody who sent the link.
func (p *Plugin) stranger(ctx context.Context, r *plugins.Request, a *oauthflow.Attempt) (plugins.Result, error) {
	var buf [maxCookies]string
	for _, text := range p.cookie.values(r, buf[:0]) {
		k, err := p.look(ctx, r, text)
		if err != nil {
			return p.unavailable(r, err)
		}
		if k != nil && k.why == "" {
			return redirect(a.Destination(), "a login that another one went before"), nil
		}
	}
	if len(p.browser.values(r, buf[:0])) == 0 {
		return p.retry(r, failed.cookies, "the callback comes without the cookie of the login: blocked, cut, "+
			"or another browser's", a.Return), nil
	}
	if a.Tries >= maxTries {
		return p.retry(r, failed.cookies, "the callback's cookie is another login's, again and again", a.Return), nil
	}
	return p.begin(ctx, r, beginning{
		why: "the callback's cookie is another login's", target: a.Return, land: a.Land, tries: a.Tries + 1})
}

func redirect(target, why string) plugins.Result {
	return plugins.Result{Verdict: plugins.Abstain, Status: http.StatusFound, Header: http.Header{"Location": {target}},
		Reason: why}
}

// refusedBy answers a callback that has no code, or one of another issuer (RFC 9207).
func (p *Plugin) refusedBy(
	ctx context.Context, r *plugins.Request, a *oauthflow.Attempt, answer url.Values,
) (res plugins.Result, done bool, err error) {
	m, err := p.provider.Metadata(ctx)
	if err != nil {
		res, err = p.providerFailed(r, err)
		return res, true, err
	}
	iss, said := answer["iss"]
	if said && m.Issuer != "" && iss[0] != m.Issuer || !said && m.SendsIssuer {
		return p.fail(r, failed.malformed, "the callback's iss is not the issuer that the login began at"), true, nil
	}
	switch code := answer.Get("error"); {
	case code == "access_denied" || code == "unauthorized":
		return p.retry(r, failed.denied, "the person or the provider said no: access_denied", a.Return), true, nil
	case code != "":
		return p.retry(r, failed.provider, "the provider answered "+known1(code), a.Return), true, nil
	case answer.Get("code") == "":
		return p.fail(r, failed.malformed, "the callback has neither code nor error"), true, nil
	}
	return res, false, nil
}

// answerErrors are those of RFC 6749 §4.1.2.1 and OpenID Connect Core 1.0 §3.1.2.6, and what to do about them.
var answerErrors = map[string]string{
	"invalid_request":            "check custom_authorization_parameters, pkce and redirect_uri",
	"unauthorized_client":        "allow the client the authorization code grant",
	"unsupported_response_type":  "allow the client the authorization code grant",
	"invalid_scope":              "check scopes",
	"server_error":               "look into the provider's log",
	"temporarily_unavailable":    "the provider asks to come back later",
	"interaction_required":       "remove prompt=none",
	"login_required":             "remove prompt=none",
	"consent_required":           "remove prompt=none",
	"account_selection_required": "remove prompt=none",
	"redirect_uri_mismatch":      "register the redirect_uri with the provider, letter by letter",
}

// known1 is an error that somebody's browser brought, if it is one that a provider sends.
func known1(code string) string {
	if remedy, ok := answerErrors[code]; ok {
		return code + ": " + remedy
	}
	return "an error of its own"
}

// exchange gets tokens for the code, checks them, and begins a session.
func (p *Plugin) exchange(
	ctx context.Context, r *plugins.Request, a *oauthflow.Attempt, b oauthflow.Browser, code string,
) (plugins.Result, error) {
	more, err := p.custom.code.values(ctx, r)
	if err != nil {
		return p.unavailable(r, err)
	}
	grant := oauthflow.Grant{Code: code, RedirectURI: p.redirectURI(a.Return), More: more}
	if p.pkce {
		grant.Verifier = a.Verifier(b)
	}
	t, err := p.provider.Exchange(ctx, grant)
	var refused *oauthflow.Error
	if errors.As(err, &refused) && refused.Refused() {
		if a.Tries < maxTries {
			return p.begin(ctx, r, beginning{
				why: "the code is not good: " + err.Error(), target: a.Return, land: a.Land, tries: a.Tries + 1})
		}
		return p.retry(r, failed.provider, "the code is not good, again and again: "+err.Error(), a.Return), nil
	}
	if err != nil {
		return p.providerFailed(r, err)
	}
	want := Expected{}
	if p.s.Nonce {
		want.Nonce = a.Nonce(b)
	}
	now := p.env.Now()
	d := &data{Client: p.client, Tokens: t}
	if t.Scope == "" {
		d.Tokens.Scope = p.scope
	}
	if d.Person, err = p.kind.Check(ctx, &d.Tokens, want); err == nil && p.features.fetchUserinfo {
		d.Userinfo, d.Person, err = p.kind.Userinfo(ctx, &d.Tokens, d.Person)
		d.UserinfoAt = now.Unix()
	}
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		return p.fail(r, failed.tokens, "the tokens are not good: "+refusal.Why), nil
	}
	if err != nil {
		return p.providerFailed(r, err)
	}
	return p.enter(ctx, r, a, d)
}

// enter begins a session, under an id that nobody could know before.
func (p *Plugin) enter(ctx context.Context, r *plugins.Request, a *oauthflow.Attempt, d *data) (plugins.Result, error) {
	now := p.env.Now()
	d.Expires = p.features.ends(d, now)
	id, cookie := p.cookieFor()
	k, err := p.judge(ctx, &kept{ID: id, Value: *d}, time.Time{})
	switch {
	case err != nil:
		return p.unavailable(r, err)
	case k.why != "":
		return p.retry(r, failed.forbidden, k.why, a.Return), nil
	}
	if n, _ := p.needs(d, now); n.expired {
		return p.fail(r, failed.tokens, "the tokens have expired already: is this machine's clock right?"), nil
	}
	if _, err := p.save(ctx, kept{ID: id}, *d); err != nil {
		return p.unavailable(r, storeError(err))
	}
	if err := p.leave(ctx, r, d); err != nil {
		p.warn("login: the session of before goes on", err)
	}
	res := redirect(a.Destination(), "logged in")
	res.Cookies = []*http.Cookie{p.cookie.set(r.URL, cookie, p.features.cookieLife(d, now))}
	return res, nil
}

// overlap is how long a session lives on beside the one that replaced it, for requests that are on their way.
const overlap = time.Minute

// leave ends the sessions that r's browser had before. That of the same person goes on for a moment: other tabs still
// have its cookie.
func (p *Plugin) leave(ctx context.Context, r *plugins.Request, next *data) error {
	var buf [maxCookies]string
	now := p.env.Now()
	for _, text := range p.cookie.values(r, buf[:0]) {
		id, ok := p.idOf(text, now)
		if !ok {
			continue
		}
		s, err := p.load(ctx, id)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if who := s.Value.Person; who.Subject == next.Person.Subject && who.Issuer == next.Person.Issuer {
			if end := now.Add(overlap); s.Expires.After(end) {
				old := *s
				old.Expires = end
				if _, err := p.sessions.Save(ctx, old); err != nil && !errors.Is(err, session.ErrConflict) {
					return storeError(err)
				}
			}
			continue
		}
		if err := p.end(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// providerFailed answers when the provider did not do what it should.
func (p *Plugin) providerFailed(r *plugins.Request, err error) (plugins.Result, error) {
	if strings.Contains(r.URL.RawQuery, oauthflow.Handler) || !p.isScript(r) {
		return p.fail(r, failed.provider, err.Error()), nil
	}
	return p.unavailable(r, err)
}
