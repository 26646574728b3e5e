package login

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/plugins"
)

// maxReturn is how long a URL to return to may be: it travels in the state, and with it in the provider's URL.
const maxReturn = 2048

// maxTries is how many logins may follow each other without the person having done anything.
const maxTries = 3

// A beginning is why and how a login begins.
type beginning struct {
	// why is for the log.
	why string
	// challenge is RFC 9470's, "" for none.
	challenge string
	// target is where to return; "" for the request's own URL. tries went before. land is where to go instead, "" for
	// target.
	target, land string
	tries        int
}

// begin sends a request to log in.
func (p *Plugin) begin(ctx context.Context, r *plugins.Request, b beginning) (plugins.Result, error) {
	script := p.isScript(r)
	switch {
	case isUpgrade(r):
		return p.unauthorized(ctx, b, "an upgrade cannot be sent to log in"), nil
	case !p.cookie.fits(r.URL) || p.csrf && !p.browser.fits(r.URL):
		return p.fail(r, failed.insecure, "the parent request is http, off localhost, and cookies are Secure: "+
			"have the proxy send X-Forwarded-Proto: https, or serve https, or set cookie.secure and csrf_cookie.secure to "+
			"false"), nil
	}
	now := p.env.Now()
	target := b.target
	if target == "" {
		target = p.returnTo(r)
	}
	browser, secret := p.browserOf(r, now)
	a := oauthflow.NewAttempt(browser, p.id, target, now)
	a.Tries = b.tries
	if !p.csrf {
		a.Secret = browser[:]
	}
	if referer := r.Header.Get("Referer"); script && p.s.Config.XHR.UseRefererAsRedirectURI && len(referer) < maxReturn &&
		p.leadsHome(r, referer, nil) {
		a.Land = referer
	}
	if b.land != "" {
		a.Land = b.land
	}
	location, err := p.authorization(ctx, r, &a, browser)
	if err != nil {
		return p.providerFailed(r, err)
	}
	res := p.unauthorized(ctx, b, "")
	res.Header["Location"] = []string{location}
	if res.Status = http.StatusFound; script {
		res.Status = p.scriptStatus()
	}
	if p.csrf {
		res.Cookies = []*http.Cookie{p.browser.set(r.URL, secret, oauthflow.BrowserLife)}
	}
	return res, nil
}

// browserOf returns the secret of r's browser, or a new one, and what its cookie is to hold.
func (p *Plugin) browserOf(r *plugins.Request, now time.Time) (oauthflow.Browser, string) {
	var buf [maxCookies]string
	for _, text := range p.browser.values(r, buf[:0]) {
		if b, ok := p.attempts.OpenBrowser(text, now); ok {
			return b, p.attempts.SealBrowser(b, now)
		}
	}
	b := oauthflow.NewBrowser()
	return b, p.attempts.SealBrowser(b, now)
}

// authorization is the URL to log in at.
func (p *Plugin) authorization(ctx context.Context, r *plugins.Request, a *oauthflow.Attempt,
	b oauthflow.Browser) (string, error) {
	c, err := p.s.Client(ctx)
	if err != nil {
		return "", err
	}
	v, err := p.custom.authorization.values(ctx, r)
	if err != nil {
		return "", err
	}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("client_id", c.ID())
	set("response_type", "code")
	set("scope", p.scope)
	set("redirect_uri", p.redirectURI(a.Return))
	set("state", p.attempts.Seal(*a))
	set("response_mode", p.s.Config.ResponseMode)
	if p.s.Nonce {
		set("nonce", a.Nonce(b))
	}
	if p.pkce {
		set("code_challenge", oauthflow.Challenge(a.Verifier(b)))
		set("code_challenge_method", "S256")
	}
	set("acr_values", strings.Join(p.s.ACR, " "))
	if p.s.MaxAge != nil {
		set("max_age", strconv.FormatInt(*p.s.MaxAge, 10))
	}
	return p.provider.AuthorizationURL(ctx, v)
}

// redirectURI is where the provider sends a browser back that is to return to target: to the same place without its
// query.
func (p *Plugin) redirectURI(target string) string {
	if p.redirect != "" {
		return p.redirect
	}
	base, _, _ := strings.Cut(target, "?")
	return base + "?" + oauthflow.Handler + "=" + oauthflow.Callback
}

// returnTo is the URL of r as the proxy wrote it, with http for ws; without its query if it is too long.
func (p *Plugin) returnTo(r *plugins.Request) string {
	target := r.Source.URI()
	scheme, rest, ok := strings.Cut(target, ":")
	switch {
	case !ok:
		target = r.URL.String()
	case strings.EqualFold(scheme, "ws"):
		target = "http:" + rest
	case strings.EqualFold(scheme, "wss"):
		target = "https:" + rest
	}
	if len(target) > maxReturn {
		target, _, _ = strings.Cut(target, "?")
	}
	if len(target) > maxReturn {
		target = (&url.URL{Scheme: map[bool]string{true: "https", false: "http"}[isHTTPS(r.URL)], Host: r.URL.Host,
			Path: "/"}).String()
	}
	return target
}

// unauthorized is the answer to whoever has to log in, without the redirect. Every 401 has a challenge (RFC 9110
// §15.5.2), and a proxy may make one of a redirect.
func (p *Plugin) unauthorized(ctx context.Context, b beginning, more string) plugins.Result {
	realm := p.s.Config.Issuer.Issuer
	if m, err := p.provider.Metadata(ctx); err == nil && m.Issuer != "" {
		realm = m.Issuer
	}
	if realm == "" {
		realm = p.s.Config.Issuer.TokenEndpoint
	}
	challenge := "Bearer realm=" + plugins.QuotedString(realm)
	if p.scope != "" {
		challenge += ", scope=" + plugins.QuotedString(p.scope)
	}
	reason := b.why
	if more != "" {
		reason += ": " + more
	}
	return plugins.Result{
		Verdict: plugins.Abstain, Status: http.StatusUnauthorized, Reason: reason,
		Header: http.Header{"Www-Authenticate": {challenge + b.challenge}},
	}
}

// isUpgrade reports whether r wants to speak another protocol, such as WebSocket, whose clients follow no redirects.
func isUpgrade(r *plugins.Request) bool {
	return r.URL.Scheme == "ws" || r.URL.Scheme == "wss" || r.Header["Sec-Websocket-Key"] != nil ||
		r.Header["Upgrade"] != nil
}

// isScript reports whether a script makes r, and no person's click or typing.
func (p *Plugin) isScript(r *plugins.Request) bool {
	if mode := r.Header["Sec-Fetch-Mode"]; p.env.Native && len(mode) > 0 {
		return mode[0] != "navigate"
	}
	return r.Header["Origin"] != nil || strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest")
}

func (p *Plugin) scriptStatus() int {
	switch code := p.s.Config.XHR.RedirectHTTPCode; {
	case code != 0:
		return code
	case p.env.Native:
		return http.StatusUnauthorized
	}
	return http.StatusFound
}

// retryAfter is when a client is told to come back, in seconds.
const retryAfter = "5"

// unavailable is the answer when a store or the provider cannot say whether somebody is logged in. The session, if
// there is one, is not lost.
func (p *Plugin) unavailable(r *plugins.Request, err error) (plugins.Result, error) {
	res := p.fail(r, failed.unavailable, err.Error())
	res.Header.Set("Retry-After", retryAfter)
	return res, nil
}
