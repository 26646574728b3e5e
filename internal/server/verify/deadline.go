package verify

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time, and costs a timer only if somebody waits for its end: most
// verifications answer from memory, in microseconds.
type deadline struct {
	context.Context
	at time.Time

	once   sync.Once
	waited context.Context
	cancel context.CancelFunc
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.Context.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

func (d *deadline) wait() context.Context {
	d.once.Do(func() { d.waited, d.cancel = context.WithDeadline(d.Context, d.at) })
	if d.waited == nil { // released: whoever is late ends with the request
		return d.Context
	}
	return d.waited
}

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} { return d.wait().Done() }

// Err implements [context.Context].
func (d *deadline) Err() error { return d.wait().Err() }

// release frees the timer.
func (d *deadline) release() {
	d.once.Do(func() {})
	if d.cancel != nil {
		d.cancel()
	}
}
