package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/sessions"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/server"
	"github.com/easgate/easgate/internal/server/metrics"
	"github.com/easgate/easgate/internal/server/oauth"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/builtin"
)

// logins are what plugins that log browsers in stand on: the store of sessions, and the keys of all that browsers hold.
type logins struct {
	kind  string
	store session.Store
	// calls is store, with its calls counted.
	calls session.Store
	ring  *configtoken.Live
	seal  *seal.Ring
	log   *slog.Logger
}

// openLogins asks the store nothing yet. keys may be nil, after an error that is reported elsewhere.
func openLogins(
	cfg *config.Config, keys *tokens.Keys, log *slog.Logger, now func() time.Time, m *metrics.Metrics,
) (*logins, error) {
	l := &logins{ring: configtoken.NewLive(new(configtoken.Keyring)), log: log}
	if keys != nil {
		l.ring = keys.Ring
	}
	var err error
	if l.seal, err = sessions.Ring(cfg, l.ring.Keyring(), now); err != nil {
		return nil, err
	}
	if l.store, l.kind, err = sessions.Open(cfg, log, now); err != nil {
		return nil, err
	}
	if l.calls = l.store; m != nil {
		l.calls = session.Observe(l.store, m.Sessions(l.kind, session.Results()))
	}
	return l, nil
}

// rekey takes over a keyring that was reloaded.
func (l *logins) rekey() {
	shared, err := sessions.Shared(l.ring.Keyring())
	if err != nil {
		l.log.Error("sessions: the keys before stay in use", "error", err)
		return
	}
	l.seal.Rekey(shared)
}

// run sweeps expired sessions until ctx ends; stop waits for that.
func (l *logins) run(ctx context.Context) (stop func()) {
	if l.kind == builtin.Memory {
		l.log.Info("sessions are kept in memory: logins end with this process, and other replicas do not see them",
			"hint", "EAS_STORE_OPTS names a store that lasts; docs/sessions.md")
	}
	ctx, cancel := context.WithCancel(ctx)
	tick := time.NewTicker(session.SweepEvery)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { session.Sweep(ctx, l.store, tick.C, l.log) })
	return func() {
		tick.Stop()
		cancel()
		sweeping.Wait()
	}
}

func (l *logins) ready(ctx context.Context) error {
	if err := l.store.Ready(ctx); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	return nil
}

func (l *logins) close() {
	if err := l.store.Close(); err != nil {
		l.log.Warn("closing the store of sessions", "error", err)
	}
}

// endpoints are what logins need beside /verify. There are none where no secret seals a login's state; a token with a
// login then says which one is missing.
func (s *service) endpoints() ([]server.Endpoint, error) {
	allowed, err := oauth.ParsePolicy(string(s.cfg.BackchannelLogout))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.cfg.Origin("backchannel_logout_config"), err)
	}
	attempts, err := oauthflow.NewAttempts(s.logins.seal)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	room := oauth.New(oauth.Config{
		Attempts: attempts, Pipelines: s.cache, Allowed: allowed, Timeout: s.cfg.VerifyTimeout, Log: s.log, Now: s.now,
	})
	all := make([]server.Endpoint, len(oauth.Paths))
	for i, path := range oauth.Paths {
		all[i] = server.Endpoint{Methods: []string{http.MethodGet, http.MethodPost}, Path: path, Handler: room}
	}
	return all, nil
}
