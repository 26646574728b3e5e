package jq

import (
	"context"
	"runtime"
)

// polite is the context of one evaluation, which leaves the processors to others when it is slow. gojq asks for Done at
// every step. Go lets a goroutine compute for 10 ms while others wait, so that a few dozen slow queries would be
// seconds for everybody else.
type polite struct {
	context.Context
	done <-chan struct{}
	// slow has room for those that may be slow at the same time; in says that this one is among them.
	slow  chan struct{}
	in    bool
	steps uint
}

const (
	// slowAfter is some 0.5 ms of steps, yieldEvery 50 µs.
	slowAfter  = 10 * yieldEvery
	yieldEvery = 1 << 10
)

// Done implements [context.Context].
func (p *polite) Done() <-chan struct{} {
	if p.steps++; p.steps%yieldEvery == 0 {
		p.yield()
	}
	return p.done
}

func (p *polite) yield() {
	if p.steps < slowAfter || p.in {
		runtime.Gosched()
		return
	}
	select {
	case p.slow <- struct{}{}:
		p.in = true
	case <-p.done: // its time is over while it waits
	}
}

// leave is called when the evaluation has ended.
func (p *polite) leave() {
	if p.in {
		<-p.slow
	}
}
