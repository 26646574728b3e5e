package sandbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxWaiting bounds how many evaluations of one owner wait.
const maxWaiting = 256

// places are what a pool's VMs are counted by. Whoever evaluates has a place, and an owner: the config token that the
// query belongs to. No owner has more than its share, which leaves a VM for others, and a place that becomes free goes
// to the owner with the fewest evaluations, so that those who send one token's slow rule wait for each other.
type places struct {
	mu     sync.Mutex
	free   int
	share  int
	owners map[any]*owner
	// arrivals counts those who wait, to serve first who came first.
	arrivals uint64
}

type owner struct {
	running int
	waiting []*waiter // the first to come first
}

type waiter struct {
	ready   chan struct{}
	arrival uint64
}

// newPlaces are n places, of which an owner has at most share.
func newPlaces(n, share int) *places {
	return &places{free: n, share: share, owners: make(map[any]*owner)}
}

// take waits for a place, as long as maxWait and until ctx ends. Each is given back with give.
func (p *places) take(ctx context.Context, of any, maxWait time.Duration) error {
	p.mu.Lock()
	o := p.owners[of]
	if o == nil {
		o = &owner{}
		p.owners[of] = o
	}
	if p.free > 0 && o.running < p.share {
		p.free--
		o.running++
		p.mu.Unlock()
		return nil
	}
	if len(o.waiting) >= maxWaiting {
		p.mu.Unlock()
		return errBusy
	}
	p.arrivals++
	w := &waiter{ready: make(chan struct{}), arrival: p.arrivals}
	o.waiting = append(o.waiting, w)
	p.mu.Unlock()

	wait := time.NewTimer(maxWait)
	defer wait.Stop()
	err := errBusy
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-wait.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(o.waiting, w)
	if i < 0 { // it was given a place just now
		return nil
	}
	o.waiting = slices.Delete(o.waiting, i, i+1)
	p.forget(of, o)
	return err
}

// give returns a place of an owner, to whoever waits.
func (p *places) give(of any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.owners[of]
	o.running--
	p.free++
	p.forget(of, o)
	for p.free > 0 {
		next := p.next()
		if next == nil {
			return
		}
		w := next.waiting[0]
		next.waiting = slices.Delete(next.waiting, 0, 1)
		next.running++
		p.free--
		close(w.ready)
	}
}

// next returns the owner whose turn it is, nil if nobody who waits may have a place.
func (p *places) next() (best *owner) {
	for _, o := range p.owners {
		if len(o.waiting) > 0 && o.running < p.share && (best == nil || o.before(best)) {
			best = o
		}
	}
	return best
}

func (o *owner) before(other *owner) bool {
	if a, b := o.running+len(o.waiting), other.running+len(other.waiting); a != b {
		return a < b
	}
	return o.waiting[0].arrival < other.waiting[0].arrival
}

func (p *places) forget(of any, o *owner) {
	if o.running == 0 && len(o.waiting) == 0 {
		delete(p.owners, of)
	}
}
