package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// grace is how long after its limit an evaluation is given up: the loops of QuickJS's built-ins do not
	// look at the clock.
	grace = 50 * time.Millisecond
	// maxWait bounds the wait for a free VM, in multiples of Limits.Time.
	maxWait = 20
)

// A pool is the VMs of one kind. Each belongs to a worker, a goroutine, so that a caller can leave one behind
// that does not stop; the worker keeps its place in the pool until it does.
type pool struct {
	kind    kind
	options Options // with its defaults
	places  *places

	mu     sync.Mutex
	closed bool
	code   *code     // nil until the first VM
	idle   []*worker // the most recently used last
	reaper *time.Timer
}

func newPool(k kind, o Options, vms, share int) *pool {
	return &pool{kind: k, options: o, places: newPlaces(vms, share)}
}

// A task is done with a machine, before deadline.
type task func(m *machine, deadline time.Time) (any, error)

type outcome struct {
	value any
	err   error
}

type job struct {
	ctx   context.Context // the caller's
	do    task
	owner any
	limit time.Duration
	done  chan outcome // holds one, so that the worker never waits for a caller who left
}

type worker struct {
	pool  *pool
	jobs  chan job
	since time.Time // idle since; guarded by pool.mu

	mu      sync.Mutex
	machine *machine
	current chan outcome // of the job that runs, if one does
}

// do has a VM do t for an owner and returns its outcome, or an error as soon as ctx ends or the limit and its grace
// are over.
func (p *pool) do(ctx context.Context, owner any, limit time.Duration, t task) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := p.take(ctx, owner)
	if err != nil {
		return nil, err
	}
	j := job{ctx: ctx, do: t, owner: owner, limit: limit, done: make(chan outcome, 1)}
	w.jobs <- j
	late := time.NewTimer(limit + grace)
	defer late.Stop()
	select {
	case o := <-j.done:
		// Those that pass from hand to hand would keep the processor to themselves, and requests that were read in the
		// meantime waited for a quarter of a second.
		runtime.Gosched()
		return o.value, o.err
	case <-ctx.Done():
		w.interrupt(j)
		return nil, ctx.Err()
	case <-late.C:
		w.interrupt(j)
		return nil, ErrTime
	}
}

// take waits for a place in the pool and returns a worker that is idle or new.
func (p *pool) take(ctx context.Context, owner any) (*worker, error) {
	if err := p.places.take(ctx, owner, maxWait*p.options.Limits.Time); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.places.give(owner)
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return w, nil
	}
	c, err := p.library()
	p.mu.Unlock()
	if err != nil {
		p.places.give(owner)
		return nil, err
	}
	w := &worker{pool: p, jobs: make(chan job)}
	booted := make(chan error, 1)
	go w.run(c, owner, booted)
	if err := <-booted; err != nil {
		return nil, err
	}
	return w, nil
}

// library returns the bytecode of every VM, and remembers it once it could be made.
func (p *pool) library() (code, error) {
	if p.code == nil {
		c, err := p.kind.compile()
		if err != nil {
			return code{}, err
		}
		p.code = &c
	}
	return *p.code, nil
}

// put takes w back from its job's owner, and reports whether it is to live on.
func (p *pool) put(w *worker, owner any) bool {
	defer p.places.give(owner)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	w.since = time.Now()
	p.idle = append(p.idle, w)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.options.Idle, p.reap)
	}
	return true
}

// reap ends the workers that were idle for long.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := time.Now().Add(-p.options.Idle)
	n := 0
	for n < len(p.idle) && !p.idle[n].since.After(before) {
		close(p.idle[n].jobs)
		n++
	}
	p.idle = append([]*worker(nil), p.idle[n:]...)
	p.reaper = nil
	if len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(time.Until(p.idle[0].since.Add(p.options.Idle)), p.reap)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		close(w.jobs)
	}
	p.idle = nil
	if p.reaper != nil {
		p.reaper.Stop()
	}
}

// run makes the VM, in the place of the first job's owner, and does jobs until one spoils it or the pool lets go.
func (w *worker) run(c code, owner any, booted chan<- error) {
	// A fault in the engine's own memory is a panic, and recovered from, instead of the end of the process.
	debug.SetPanicOnFault(true)
	r, err := newMachine(w.pool.kind, c, w.pool.options)
	if err != nil {
		w.pool.places.give(owner)
		booted <- fmt.Errorf("%w: %w", errBoot, err)
		return
	}
	booted <- nil
	for j := range w.jobs {
		o, well := w.do(r, j)
		if !well {
			// The caller may have gone, the place is free when the memory is.
			j.done <- o
			discard(r)
			w.pool.places.give(j.owner)
			return
		}
		alive := w.pool.put(w, j.owner)
		j.done <- o
		if !alive {
			break
		}
	}
	discard(r)
}

// do does j, and reports whether the VM is fit for more.
func (w *worker) do(r *machine, j job) (o outcome, well bool) {
	w.mu.Lock()
	w.machine, w.current = r, j.done
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.machine, w.current = nil, nil
		w.mu.Unlock()
		if p := recover(); p != nil {
			o, well = outcome{err: fmt.Errorf("sandbox: engine panic: %v", p)}, false
		}
	}()
	if err := j.ctx.Err(); err != nil { // the caller left before there was anything to interrupt
		return outcome{err: err}, true
	}
	v, err := j.do(r, time.Now().Add(j.limit))
	if err == nil {
		return outcome{value: v}, true
	}
	var own fault
	return outcome{err: err}, errors.As(err, &own) && !errors.Is(err, errSpoiled)
}

// interrupt stops j, unless it has ended: the worker may be at another caller's job by now.
func (w *worker) interrupt(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == j.done {
		w.machine.vm.Interrupt()
	}
}

// discard closes r. An engine that panicked may panic again: its memory is lost then, and nothing else.
func discard(r *machine) {
	defer func() { _ = recover() }()
	r.close()
}
