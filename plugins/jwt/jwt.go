// Package jwt allows requests with a JSON Web Token (RFC 7519) that is signed by a known key, says what it should, and
// meets the configured rules. With oidc enabled it also asks the token's issuer: is it active, and who is it about.
//
// Options, messages and headers are external-auth-server's, and behind those jsonwebtoken's; see internal/bearer.
package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

// Plugin verifies tokens. It remembers signatures and answers of its own, so that nothing that one configuration
// allowed counts under another.
type Plugin struct {
	realm    string
	carrier  *bearer.Carrier
	verifier *jwtverify.Verifier
	idToken  *assertion.Set
	userInfo *assertion.Set
	// provider is nil unless oidc is enabled.
	provider *provider
}

// New builds the plugin. Nothing is fetched before the first request needs it.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	p := &Plugin{realm: c.Realm}
	var err error
	if p.carrier, err = bearer.NewCarrier(c.HeaderName, c.Scheme, c.Sources); err != nil {
		return nil, err
	}
	client, own, err := c.TLS.Client(env)
	if err != nil {
		return nil, fmt.Errorf("tls.%w", err)
	}
	env.HTTP = client
	if c.OIDC.Enabled {
		if p.provider, err = newProvider(c.OIDC, env.Within("oidc.")); err != nil {
			return nil, fmt.Errorf("oidc.%w", err)
		}
	}
	for _, err := range c.Config.Options.Problems() {
		env.Problem(fmt.Errorf("config.options.%w", err))
	}
	c.Config.Options.Native = env.Native
	if p.verifier, err = newVerifier(c.Config, p.provider, env.Within("config.secret: ")); err != nil {
		return nil, fmt.Errorf("config.secret: %w", err)
	}
	if p.provider != nil {
		answers := signedAnswers
		answers.Native = env.Native
		p.provider.signed = p.verifier.With(answers)
		if c.OIDC.Issuer.DiscoverURL != "" || c.OIDC.Issuer.JWKSURI != "" {
			p.provider.signed = jwtverify.NewVerifier(p.provider, answers, env.Now)
		}
	}
	if p.idToken, err = c.Assertions.IDToken.Compile(env.Query, env.Native); err != nil {
		return nil, fmt.Errorf("assertions.id_token: %w", err)
	}
	if p.userInfo, err = c.Assertions.UserInfo.Compile(env.Query, env.Native); err != nil {
		return nil, fmt.Errorf("assertions.userinfo: %w", err)
	}
	if p.userInfo != nil && (p.provider == nil || !p.provider.features.FetchUserinfo) {
		// Without oidc, external-auth-server does not even look at them.
		env.Problem(errors.New("assertions.userinfo: needs oidc.enabled and oidc.features.fetch_userinfo"))
		if p.provider == nil {
			p.userInfo = nil
		}
	}
	return bearer.Closing(p, client, own), nil
}

// Verify allows a request with a right token, and denies one whose token is not with 401, or with 403 when the token is
// right but does not meet the rules. Without a token it abstains. The error is for an issuer that does not answer.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	token, from, ok := p.carrier.Token(r)
	if !ok {
		return p.refuse(ctx, r, http.StatusUnauthorized, nil)
	}
	t, err := p.verifier.Verify(ctx, token)
	if err != nil {
		return p.refused(ctx, r, from.Explain(err))
	}
	if res, done, err := p.assert(ctx, r, p.idToken, func() (query.Value, error) { return p.verifier.View(t) },
		"user did not pass assertions"); done {
		return res, err
	}
	res := plugins.Result{
		Verdict:  plugins.Allow,
		Status:   http.StatusOK,
		Identity: t.Identity,
		Data:     plugins.Data{IDToken: token},
	}
	if p.provider == nil {
		return res, nil
	}
	return p.ask(ctx, r, token, t, res)
}

// ask asks the issuer, and completes res.
func (p *Plugin) ask(ctx context.Context, r *plugins.Request, token string, t *jwtverify.Token,
	res plugins.Result) (plugins.Result, error) {
	f := &p.provider.features
	if f.IntrospectAccessToken {
		active, err := p.provider.introspect(ctx, token, t)
		if err != nil {
			return plugins.Result{}, fmt.Errorf("introspection: %w", tlsclient.Explain(err))
		}
		if !active {
			return p.refuse(ctx, r, http.StatusUnauthorized, &jwtverify.Error{
				Name: "invalid_token", Message: "token failed introspection", Why: "the issuer says that it is not active",
			})
		}
	}
	var info query.Value = query.Undefined{}
	if f.FetchUserinfo {
		var err error
		if info, err = p.provider.userinfo(ctx, token, t); err != nil {
			return p.refused(ctx, r, err)
		}
		res.Data.UserInfo = info
	}
	if res, done, err := p.assert(ctx, r, p.userInfo, func() (query.Value, error) { return info, nil },
		"user did not pass userinfo assertions"); done {
		return res, err
	}
	res.Header = make(http.Header, 2)
	if f.FetchUserinfo && p.provider.sends("X-Userinfo") {
		text, err := query.AppendJSON(nil, info)
		if err != nil {
			return plugins.Result{}, err
		}
		res.Header["X-Userinfo"] = []string{query.ASCII(string(text))}
	}
	if p.provider.sends("X-Access-Token") {
		res.Header["X-Access-Token"] = []string{token}
	}
	return res, nil
}

// assert evaluates rules, nil for none. done says that there is an answer already: the rules do not hold, or failed.
func (p *Plugin) assert(ctx context.Context, r *plugins.Request, rules *assertion.Set,
	view func() (query.Value, error), message string) (res plugins.Result, done bool, err error) {
	if rules == nil {
		return plugins.Result{}, false, nil
	}
	data, err := view()
	if err != nil {
		return plugins.Result{}, true, fmt.Errorf("assertions: %w", err)
	}
	ok, failed, err := rules.Eval(ctx, data)
	switch {
	case err != nil:
		return plugins.Result{}, true, fmt.Errorf("assertions: %w", err)
	case ok:
		return plugins.Result{}, false, nil
	}
	res, err = p.refuse(ctx, r, http.StatusForbidden, &jwtverify.Error{Name: "invalid_user", Message: message})
	if failed != "" {
		res.Reason += ": " + failed
	}
	return res, true, err
}

// refused answers with 401 if err is about the token, else err is a failure of ours.
func (p *Plugin) refused(ctx context.Context, r *plugins.Request, err error) (plugins.Result, error) {
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return p.refuse(ctx, r, http.StatusUnauthorized, e)
	}
	return plugins.Result{}, tlsclient.Explain(err)
}

func (p *Plugin) refuse(ctx context.Context, r *plugins.Request, status int,
	e *jwtverify.Error) (plugins.Result, error) {
	realm := p.realm
	if realm == "" && p.provider != nil {
		m, err := p.provider.metadata(ctx)
		if err != nil {
			return plugins.Result{}, err
		}
		realm = m.TokenEndpoint
	}
	if realm == "" {
		realm = p.carrier.Realm(r)
	}
	return p.carrier.Refuse(status, realm, e), nil
}

// sends reports whether the header called name is sent upstream.
func (p *provider) sends(name string) bool {
	return !slices.ContainsFunc(p.features.FilteredServiceHeaders,
		func(f string) bool { return strings.EqualFold(f, name) })
}
