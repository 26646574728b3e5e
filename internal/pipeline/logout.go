package pipeline

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/easgate/easgate/plugins"
)

// EndSessions hands a provider's logout token to the plugins that log people in; see [plugins.SessionEnder]. The first
// that takes it ends the sessions, whichever token they were begun with.
func (p *Pipeline) EndSessions(
	ctx context.Context, logoutToken string, allowed func(issuer string, configured *bool) bool,
) (n int, err error) {
	err = &plugins.LogoutError{Why: "the config token logs nobody in"}
	for i := range p.steps {
		ender, ok := p.steps[i].plugin.(plugins.SessionEnder)
		if !ok {
			continue
		}
		if n, err = ender.EndSessions(ctx, logoutToken, allowed); err == nil {
			return n, nil
		}
		if refused := (*plugins.LogoutError)(nil); !errors.As(err, &refused) {
			return 0, err
		}
	}
	return 0, err
}

// backchannel makes a whole configuration of external-auth-server's token for back-channel logouts, which names an
// issuer and a client and has no plugins. Nobody can log in with it: without scopes there is no ID token.
func backchannel(members map[string]json.RawMessage) {
	issuer, client := members["issuer"], members["client"]
	if members["plugins"] != nil || issuer == nil || client == nil {
		return
	}
	entry, err := json.Marshal([]map[string]json.RawMessage{{"type": json.RawMessage(`"oidc"`), "issuer": issuer,
		"client": client}})
	if err != nil { // it was decoded
		return
	}
	members["plugins"] = entry
	for _, name := range []string{"issuer", "client", "ttl"} {
		delete(members, name)
	}
}
