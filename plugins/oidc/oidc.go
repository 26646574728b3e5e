// Package oidc logs browsers in at an OpenID provider (OpenID Connect Core 1.0, authorization code flow) and keeps the
// session. How a login and a session work is internal/login's; here is what is OpenID's own: the ID token and userinfo.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/login"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/plugins"
)

// tolerance is how many seconds clocks may differ.
const tolerance = 5

// New builds the plugin. Nothing is fetched before the first request needs it.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	if !slices.Contains(c.Scopes, "openid") {
		env.Problem(errors.New("scopes: want openid among them"))
	}
	s := login.Settings{
		Type: "oidc", Config: c.Config, Features: c.Features, Nonce: c.Nonce.On(env.Native),
		Expired: !on(c.Assertions.Exp), ACR: c.ACRValues, MaxAge: c.MaxAge,
	}
	s.Rules.IDToken, s.Rules.AccessToken, s.Rules.UserInfo = c.Assertions.IDToken, c.Assertions.AccessToken,
		c.Assertions.UserInfo
	if c.MaxAge != nil && *c.MaxAge < 0 {
		return nil, errors.New("max_age: want seconds")
	}
	if err := s.Ask(env); err != nil {
		return nil, err
	}
	s.Kind = &kind{
		provider: s.Provider, now: env.Now, maxAge: c.MaxAge,
		verifier: jwtverify.NewVerifier(s.Provider, jwtverify.Options{
			Algorithms:     jwtverify.Algorithms{Strings: jwtverify.Strings{List: algorithms, Set: true}},
			ClockTolerance: tolerance, Native: true,
		}, env.Now),
		settings: &s,
	}
	return login.New(s, env)
}

func on(b *bool) bool { return b == nil || *b }

// algorithms are what an issuer may sign with. A shared secret is not among them: whoever has it could log in as
// anybody.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// kind implements [login.Kind].
type kind struct {
	provider *oauthflow.Provider
	verifier *jwtverify.Verifier
	settings *login.Settings
	now      func() time.Time
	maxAge   *int64
}

func refuse(format string, args ...any) error {
	return &login.Refusal{Why: "ID token: " + fmt.Sprintf(format, args...)}
}

// Check verifies the ID token (OpenID Connect Core 1.0 §3.1.3.7, and §12.2 for one that came with a refresh).
func (k *kind) Check(ctx context.Context, t *oauthflow.Tokens, want login.Expected) (p login.Person, err error) {
	if t.ID == "" {
		return p, refuse("there is none in the token endpoint's answer: check scopes")
	}
	m, err := k.provider.Metadata(ctx)
	if err != nil {
		return p, err
	}
	c, err := k.settings.Client(ctx)
	if err != nil {
		return p, err
	}
	token, err := k.verifier.Verify(ctx, t.ID)
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return p, refuse("%s (%s)%s", e.Message, e.Why, k.clock(e))
	}
	if err != nil {
		return p, err
	}
	claims := token.Claims
	text := func(name string) string { s, _ := claims[name].(string); return s }
	audience := audiences(claims["aud"])
	issued, hasIssued := claims["iat"].(float64)
	ends, hasEnd := claims["exp"].(float64)
	switch {
	case m.Issuer == "" || text("iss") != m.Issuer:
		return p, refuse("iss is %.128q, want %.128q", text("iss"), m.Issuer)
	case !slices.Contains(audience, c.ID()):
		return p, refuse("aud does not have our client_id %.128q", c.ID())
	case text("azp") != "" && text("azp") != c.ID() || len(audience) > 1 && text("azp") == "":
		return p, refuse("azp is %.128q, want our client_id", text("azp"))
	case text("sub") == "":
		return p, refuse("no sub")
	case !hasEnd || !hasIssued:
		return p, refuse("no exp or no iat")
	case issued > float64(k.now().Unix())+tolerance:
		return p, refuse("issued %s from now: this machine's clock or the provider's is wrong", ahead(issued, k.now()))
	case want.Nonce != "" && text("nonce") != want.Nonce:
		return p, refuse("nonce is not the one that was asked for")
	case want.Subject != "" && text("sub") != want.Subject:
		return p, refuse("the refreshed one is about somebody else")
	}
	return login.Person{Issuer: m.Issuer, Subject: text("sub"), SID: text("sid"), Expires: int64(ends)}, nil
}

func ahead(t float64, now time.Time) time.Duration {
	return time.Duration(math.Abs(t-float64(now.Unix()))) * time.Second
}

// clock is what to add to an error about time.
func (k *kind) clock(e *jwtverify.Error) string {
	if e.Name == "TokenExpiredError" || e.Name == "NotBeforeError" {
		return ": this machine's clock or the provider's is wrong"
	}
	return ""
}

func audiences(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// Userinfo asks whom the access token is about. The answer must be about the ID token's subject (§5.3.2).
func (k *kind) Userinfo(ctx context.Context, t *oauthflow.Tokens,
	p login.Person) (json.RawMessage, login.Person, error) {
	body, mediaType, err := k.provider.Userinfo(ctx, t.Access)
	var refused *oauthflow.Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return nil, p, &login.Refusal{Why: "userinfo: the provider does not take its own access token"}
	}
	if err == nil && mediaType == "application/jwt" {
		body, err = k.signed(ctx, string(body))
	}
	if err != nil {
		return nil, p, err
	}
	info, err := login.Object("userinfo_endpoint", body)
	if err != nil {
		return nil, p, err
	}
	if sub, _ := info["sub"].(string); sub != p.Subject {
		return nil, p, &login.Refusal{Why: "userinfo is not about the ID token's subject"}
	}
	return body, p, nil
}

// signed returns the claims of userinfo that is a JWT.
func (k *kind) signed(ctx context.Context, text string) (json.RawMessage, error) {
	token, err := k.verifier.Verify(ctx, text)
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return nil, &login.Refusal{Why: "signed userinfo: " + e.Message + " (" + e.Why + ")"}
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(token.Claims)
}
