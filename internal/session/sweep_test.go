package session_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
)

// A sweep that fails is tried again, and a shutdown ends it.
func TestSweep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tick, done, s := make(chan time.Time), make(chan struct{}), sweeps{n: make(chan int, 1)}
	go func() {
		defer close(done)
		session.Sweep(ctx, s, tick, slog.New(slog.DiscardHandler))
	}()
	for range 2 {
		tick <- start
		<-s.n
	}
	cancel()
	<-done
	session.Sweep(t.Context(), down{}, nil, slog.New(slog.DiscardHandler)) // forgets by itself
}
