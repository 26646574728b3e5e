package oidc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/login"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutLife is how long a logout token counts that does not say when it ends.
	logoutLife = 10 * time.Minute
)

// CheckLogout implements [login.LogoutKind] (OpenID Connect Back-Channel Logout 1.0 §2.6).
func (k *kind) CheckLogout(ctx context.Context, text string) (p login.Person, id string, until time.Time, err error) {
	m, err := k.provider.Metadata(ctx)
	if err != nil {
		return p, "", until, err
	}
	c, err := k.settings.Client(ctx)
	if err != nil {
		return p, "", until, err
	}
	token, err := k.verifier.Verify(ctx, text)
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return p, "", until, &login.Refusal{Why: e.Message + " (" + e.Why + ")" + k.clock(e)}
	}
	if err != nil {
		return p, "", until, err
	}
	claims, now := token.Claims, k.now()
	member := func(name string) string { s, _ := claims[name].(string); return s }
	events, _ := claims["events"].(map[string]any)
	_, isLogout := events[logoutEvent].(map[string]any)
	_, hasNonce := claims["nonce"]
	issued, hasIssued := claims["iat"].(float64)
	p, id = login.Person{Issuer: m.Issuer, Subject: member("sub"), SID: member("sid")}, member("jti")
	why := ""
	switch {
	case m.Issuer == "" || member("iss") != m.Issuer:
		why = "iss is another issuer"
	case !slices.Contains(audiences(claims["aud"]), c.ID()):
		why = "aud does not have our client_id"
	case !isLogout:
		why = "events does not say that it is a logout"
	case hasNonce:
		why = "it has a nonce, as an ID token has"
	case p.Subject == "" && p.SID == "":
		why = "neither sub nor sid"
	case id == "":
		why = "no jti"
	case !hasIssued || issued > float64(now.Unix())+tolerance:
		why = "iat is missing or in the future: this machine's clock or the provider's is wrong"
	}
	if why != "" {
		return p, id, until, &login.Refusal{Why: why}
	}
	until = time.Unix(int64(issued), 0).Add(logoutLife)
	if ends, ok := claims["exp"].(float64); ok {
		until = time.Unix(int64(ends)+tolerance, 0)
	}
	if !now.Before(until) {
		return p, id, until, &login.Refusal{Why: "it is too old"}
	}
	return p, id, until, nil
}
