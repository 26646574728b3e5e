package credential

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// minWait is how long a check may have to wait for others, however cheap it is.
	minWait = 800 * time.Millisecond
	// waitFor is how many checks as dear as itself it may have to wait for besides.
	waitFor = 8
)

// Ahead is how much work of a processor may be ahead of a check that takes cost.
func Ahead(cost time.Duration) time.Duration { return minWait + waitFor*cost }

// ErrBusy says that too many checks wait already.
var ErrBusy = errors.New("too many passwords to check")

// Processors are those that check passwords, for all plugins together, so that wrong guesses cannot take every
// processor from everyone else.
type Processors struct {
	n    int64
	free *semaphore.Weighted
}

// NewProcessors returns n processors.
func NewProcessors(n int) *Processors {
	return &Processors{n: int64(n), free: semaphore.NewWeighted(int64(n))}
}

// Queue returns a plugin's queue for p, which may be nil for as many processors as there are checks.
func (p *Processors) Queue() *Queue {
	q := &Queue{processors: p}
	if p != nil {
		q.turns = semaphore.NewWeighted(p.n)
	}
	return q
}

// A Queue is where the checks of one plugin wait for a processor. It is bounded by the work that waits in it, so that a
// dear hash waits longer than a cheap one. However many wait in it, checks of other plugins come in between.
type Queue struct {
	processors *Processors
	// turns are the checks that are, or wait to be, on a processor: what others have to wait for.
	turns *semaphore.Weighted
	// work is how long all the checks in the queue take together, in nanoseconds.
	work atomic.Int64
}

// Do makes a check, which takes about cost, when its turn comes. The error is [ErrBusy], at once, when too much work is
// ahead of it, or ctx's when it ends before; then there was no check.
func (q *Queue) Do(ctx context.Context, cost time.Duration, check func()) error {
	if q.processors == nil {
		check()
		return nil
	}
	ahead := time.Duration(q.work.Add(int64(cost))) - cost
	defer q.work.Add(-int64(cost))
	if ahead > time.Duration(q.processors.n)*Ahead(cost) {
		return ErrBusy
	}
	for _, s := range []*semaphore.Weighted{q.turns, q.processors.free} {
		if err := s.Acquire(ctx, 1); err != nil {
			return err
		}
		defer s.Release(1)
	}
	check()
	return nil
}
