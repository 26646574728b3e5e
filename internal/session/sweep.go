package session

import (
	"context"
	"log/slog"
	"time"
)

// SweepEvery is how often expired records are removed. Until then they take room; nobody is let in by one.
const SweepEvery = time.Minute

// Sweep removes what has expired from s, again whenever tick says so, until ctx ends. A store that forgets by itself
// needs none.
func Sweep(ctx context.Context, s Store, tick <-chan time.Time, log *slog.Logger) {
	sweeper, ok := s.(Sweeper)
	if !ok {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		switch n, err := sweeper.Sweep(ctx); {
		case ctx.Err() != nil:
		case err != nil:
			log.Warn("sessions: expired ones were not swept", "error", err)
		case n > 0:
			log.Debug("sessions: swept", "expired", n)
		}
	}
}
