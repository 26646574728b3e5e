package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// readiness remembers for a second whether requests can be decided: /readyz is public, and each question asks every
// database.
type readiness struct {
	ask func(context.Context) error
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	asked time.Time
	err   error
}

// check returns nil if requests can be decided. Concurrent questions wait for one answer.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.asked.IsZero() && now.Sub(r.asked) < time.Second {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	was := r.err
	r.err, r.asked = r.ask(ctx), r.now()
	if r.err != nil && (was == nil || was.Error() != r.err.Error()) {
		r.log.Warn("not ready", "error", r.err)
	}
	return r.err
}
