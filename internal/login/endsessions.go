package login

import (
	"context"
	"errors"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
)

// A LogoutKind is a [Kind] whose provider can end sessions.
type LogoutKind interface {
	// CheckLogout verifies a logout token, and says whose sessions it ends: Subject or SID, or both. id is the token's
	// own, and until is when it ends. A [*Refusal] is about the token.
	CheckLogout(ctx context.Context, token string) (p Person, id string, until time.Time, err error)
}

// EndSessions implements [plugins.SessionEnder]. A logout token counts once: whoever saw one could log people out
// again.
func (p *Plugin) EndSessions(
	ctx context.Context, token string, allowed func(issuer string, configured *bool) bool,
) (n int, err error) {
	k, ok := p.kind.(LogoutKind)
	if !ok {
		return 0, &plugins.LogoutError{Why: p.s.Type + " has none"}
	}
	if p.sealErr != nil {
		return 0, p.sealErr
	}
	who, id, until, err := k.CheckLogout(ctx, token)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		return 0, &plugins.LogoutError{Why: refusal.Why}
	}
	if err != nil {
		return 0, err
	}
	configured := p.s.Features.Logout.Backchannel.Enabled
	if allowed == nil {
		allowed = func(_ string, configured *bool) bool { return on(configured, true) }
	}
	if !allowed(who.Issuer, configured) {
		return 0, &plugins.LogoutError{Why: "back-channel logout is switched off for this issuer"}
	}
	first, err := p.sessions.Once(ctx, "logout:"+short(who.Issuer, id), until)
	switch {
	case err != nil:
		return 0, storeError(err)
	case !first:
		return 0, &plugins.LogoutError{Why: "it was used before"}
	}
	if n, err = p.sessions.End(ctx, session.Names{Provider: who.Issuer, Subject: who.Subject, SID: who.SID}); err != nil {
		return n, storeError(err)
	}
	return n, nil
}
