package pipeline

import (
	"sync/atomic"

	"github.com/easgate/easgate/plugins"
)

// users counts who uses a pipeline. One that holds nothing to give back has none: it needs no last user.
type users struct {
	n    atomic.Int64
	last func()
}

// count makes p count its users, n of which there are now, if it holds anything. close is called when the last one is
// done.
func (p *Pipeline) count(n int64, close func(*Pipeline)) {
	if p.holdsResources() {
		p.users = &users{last: func() { close(p) }}
		p.users.n.Store(n)
	}
}

// hold adds a user, unless the last one is done already.
func (p *Pipeline) hold() bool {
	if p.users == nil {
		return true
	}
	for {
		n := p.users.n.Load()
		if n == 0 {
			return false
		}
		if p.users.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends one use of a pipeline that a [Cache] returned: a decision, a page, a connection. An evicted pipeline is
// closed when its last user is done. p may be nil.
func (p *Pipeline) Release() {
	if p != nil && p.users != nil && p.users.n.Add(-1) == 0 {
		p.users.last()
	}
}

// holdsResources reports whether closing p does anything.
func (p *Pipeline) holdsResources() bool {
	for i := range p.steps {
		if _, ok := p.steps[i].plugin.(plugins.Closer); ok {
			return true
		}
	}
	return false
}
