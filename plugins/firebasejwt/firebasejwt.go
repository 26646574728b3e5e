// Package firebasejwt allows requests with an ID token of Firebase Authentication, as Google's documentation "Verify ID
// tokens" has it, and on request asks Firebase about the account behind it.
package firebasejwt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

const (
	issuerPrefix       = "https://securetoken.google.com/"
	defaultKeysURL     = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
	defaultUserinfoURL = "https://www.googleapis.com/identitytoolkit/v3/relyingparty/getAccountInfo"
)

// Plugin verifies ID tokens of one Firebase project.
type Plugin struct {
	realm    string
	carrier  *bearer.Carrier
	verifier *jwtverify.Verifier
	idToken  *assertion.Set
	userInfo *assertion.Set

	fetch        bool
	native       bool
	checkRevoked bool
	expiry       bearer.Seconds
	accounts     *bearer.Lookup
	accountURL   string
	http         *http.Client
	now          func() time.Time
}

// New builds the plugin. Nothing is fetched before the first request needs it.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	if c.Config.ProjectID == "" {
		return nil, errors.New("config.project_id: required")
	}
	client, own, err := c.TLS.Client(env)
	if err != nil {
		return nil, fmt.Errorf("tls.%w", err)
	}
	env.HTTP = client
	p := &Plugin{
		realm:        c.Realm,
		fetch:        c.Features.FetchUserinfo || c.Config.Options.CheckRevoked,
		native:       env.Native,
		checkRevoked: c.Config.Options.CheckRevoked,
		expiry:       c.Features.UserinfoExpiry,
		accounts:     bearer.NewLookup(env.Now, env.Calls("userinfo")),
		http:         fetch.SameOrigin(env.HTTP),
		now:          env.Now,
	}
	if p.carrier, err = bearer.NewCarrier(c.HeaderName, c.Scheme, c.Sources); err != nil {
		return nil, err
	}
	o := c.Config.Options.Options
	o.Native = env.Native
	o.Issuer = jwtverify.Strings{List: []string{issuerPrefix + c.Config.ProjectID}, Set: true}
	o.Audience = jwtverify.Audience{Strings: jwtverify.Strings{List: []string{c.Config.ProjectID}, Set: true}}
	if !o.Algorithms.Set {
		o.Algorithms = jwtverify.AlgorithmsOf("RS256")
	}
	for _, err := range o.Problems() {
		env.Problem(fmt.Errorf("config.options.%w", err))
	}
	if c.Config.KeysURL == "" {
		c.Config.KeysURL = defaultKeysURL
	}
	fetcher := jwks.Fetcher{HTTP: env.HTTP, Now: env.Now, Log: env.Log, Strict: env.Native, Called: env.Calls("jwks")}
	keys, err := fetcher.Set(c.Config.KeysURL, jwks.ParseCertificates)
	if err != nil {
		return nil, fmt.Errorf("config.keys_url: %w", err)
	}
	p.verifier = jwtverify.NewVerifier(keys, o, env.Now)
	if p.accountURL, err = accountURL(&c.Config); err != nil {
		return nil, fmt.Errorf("config.userinfo_url: %w", err)
	}
	if p.fetch && c.Config.APIKey == "" {
		env.Problem(errors.New("config.api_key: required for fetch_userinfo and checkRevoked"))
	}
	if p.idToken, err = c.Assertions.IDToken.Compile(env.Query, env.Native); err != nil {
		return nil, fmt.Errorf("assertions.id_token: %w", err)
	}
	if p.userInfo, err = c.Assertions.UserInfo.Compile(env.Query, env.Native); err != nil {
		return nil, fmt.Errorf("assertions.userinfo: %w", err)
	}
	if p.userInfo != nil && !p.fetch {
		env.Problem(errors.New("assertions.userinfo: needs features.fetch_userinfo"))
	}
	return bearer.Closing(p, client, own), nil
}

func accountURL(c *Project) (string, error) {
	raw := c.UserinfoURL
	if raw == "" {
		raw = defaultUserinfoURL
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("want an http or https URL")
	}
	u.RawQuery = url.Values{"key": {string(c.APIKey)}}.Encode()
	return u.String(), nil
}

var (
	errSubject   = &jwtverify.Error{Name: "JsonWebTokenError", Message: "jwt subject invalid"}
	errRules     = &jwtverify.Error{Name: "invalid_user", Message: "user did not pass assertions"}
	errRevoked   = &jwtverify.Error{Name: "token_invalidated", Message: "token has been invalidated"}
	errNoAccount = &jwtverify.Error{Name: "invalid_token", Message: "token refused by Firebase"}
)

// Verify allows a request with a right ID token. One whose token is not is denied with 401; with 403 when the token is
// right but revoked, or does not meet the rules. Without a token it abstains. The error is for a Google that does not
// answer.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	token, from, ok := p.carrier.Token(r)
	if !ok {
		return p.refuse(r, http.StatusUnauthorized, nil), nil
	}
	t, err := p.verifier.Verify(ctx, token)
	if err == nil && t.Identity.Subject == "" {
		err = errSubject
	}
	if err != nil {
		return p.refused(r, from.Explain(err))
	}
	view, err := p.verifier.View(t)
	if err != nil {
		return plugins.Result{}, fmt.Errorf("assertions: %w", err)
	}
	if ok, err := holds(ctx, p.idToken, view); err != nil || !ok {
		return p.refuse(r, http.StatusForbidden, errRules), err
	}
	res := plugins.Result{
		Verdict:  plugins.Allow,
		Status:   http.StatusOK,
		Identity: t.Identity,
		Data:     plugins.Data{IDToken: token},
	}
	var account query.Value = query.Undefined{}
	if p.fetch {
		if account, err = p.account(ctx, token, t); err != nil {
			return p.refused(r, err)
		}
		res.Data.UserInfo = account
	}
	if ok, err := holds(ctx, p.userInfo, account); err != nil || !ok {
		return p.refuse(r, http.StatusForbidden, errRules), err
	}
	if p.checkRevoked && revoked(t, account) {
		return p.refuse(r, http.StatusForbidden, errRevoked), nil
	}
	return res, nil
}

func holds(ctx context.Context, rules *assertion.Set, data query.Value) (bool, error) {
	if rules == nil {
		return true, nil
	}
	ok, _, err := rules.Eval(ctx, data)
	if err != nil {
		return false, fmt.Errorf("assertions: %w", err)
	}
	return ok, nil
}

// revoked reports whether the token is from before the user's sessions were ended, or the user is disabled. What cannot
// be compared counts as revoked.
func revoked(t *jwtverify.Token, account query.Value) bool {
	o, ok := account.(*query.Object)
	if !ok {
		return true
	}
	if disabled, _ := o.Get("disabled"); query.Truthy(disabled) {
		return true
	}
	since, _ := o.Get("validSince")
	if !query.Truthy(since) {
		return false
	}
	// Seconds, in text.
	n, err := query.ToNumber(since)
	at, ok := t.Claims["auth_time"].(float64)
	return err != nil || !ok || !(at >= n)
}

// account asks Firebase for the account that the token is about. A [jwtverify.Error] says that there is none.
func (p *Plugin) account(ctx context.Context, token string, t *jwtverify.Token) (query.Value, error) {
	v, err := p.accounts.Ask(ctx, token, func(ctx context.Context) (a bearer.Answer, err error) {
		body, err := json.Marshal(map[string]string{"idToken": token})
		if err != nil {
			return a, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.accountURL, bytes.NewReader(body))
		if err != nil {
			return a, errors.New("request could not be made")
		}
		req.Header.Set("Content-Type", "application/json")
		o, size, err := bearer.FetchObject(p.http, req, p.native)
		if err != nil {
			return a, blame(err)
		}
		users, _ := o.Get("users")
		list, _ := users.([]any)
		for _, u := range list {
			if user, ok := u.(*query.Object); ok {
				if id, _ := user.Get("localId"); id == t.Identity.Subject {
					return bearer.Answer{Value: user, Bytes: size, TTL: p.expiry.TTL(t, p.now())}, nil
				}
			}
		}
		return a, errNoAccount
	})
	var refused *jwtverify.Error
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return v, err
}

// tokenErrors are what Firebase says about tokens and their users. All else that it refuses is about us: an API key
// that is wrong, restricted or for another project.
var tokenErrors = []string{
	"USER_NOT_FOUND", "USER_DISABLED", "INVALID_ID_TOKEN", "TOKEN_EXPIRED", "CREDENTIAL_TOO_OLD_LOGIN_AGAIN",
}

// blame tells a refusal of the token from one of us.
func blame(err error) error {
	var status *fetch.StatusError
	if !errors.As(err, &status) {
		return err
	}
	switch code := errorCode(status.Body); {
	case slices.Contains(tokenErrors, code):
		return &jwtverify.Error{Name: errNoAccount.Name, Message: errNoAccount.Message, Why: code}
	case code != "":
		return fmt.Errorf("refused (%w, %s): check config.api_key", err, code)
	}
	return err
}

var codePattern = regexp.MustCompile(`^[A-Z_]{1,40}`)

// errorCode returns the word that says what went wrong (Google API error model); "" when there is none.
func errorCode(body []byte) string {
	var answer struct {
		Error struct {
			Message, Status string
			Details         []struct{ Reason string }
		}
	}
	_ = json.Unmarshal(body, &answer)
	e := &answer.Error
	if word, _, _ := strings.Cut(e.Message, " : "); codePattern.FindString(word) == word && word != "" {
		return word
	}
	for _, d := range e.Details {
		if code := codePattern.FindString(d.Reason); code != "" {
			return code
		}
	}
	return codePattern.FindString(e.Status)
}

// refused answers with 401 if err is about the token, else err is a failure of ours.
func (p *Plugin) refused(r *plugins.Request, err error) (plugins.Result, error) {
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return p.refuse(r, http.StatusUnauthorized, e), nil
	}
	return plugins.Result{}, tlsclient.Explain(err)
}

func (p *Plugin) refuse(r *plugins.Request, status int, e *jwtverify.Error) plugins.Result {
	realm := p.realm
	if realm == "" {
		realm = p.carrier.Realm(r)
	}
	return p.carrier.Refuse(status, realm, e)
}
