package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/sync/semaphore"
)

// A pool keeps connections that are bound alike. It opens them when they are needed and closes them when they are not;
// without any it costs nothing, no goroutine either.
type pool struct {
	directory *directory
	// as is whom its connections are bound as when they are opened.
	as    binding
	slots *semaphore.Weighted

	mu sync.Mutex
	// idle are the unused connections, the one used last at the end.
	idle   []*conn
	reaper *time.Timer
	closed bool
}

func newPool(d *directory, as binding, size int) *pool {
	return &pool{directory: d, as: as, slots: semaphore.NewWeighted(int64(size))}
}

// do runs one operation on a connection, when there is one to be had within ctx. When the connection breaks, or its
// server has no time, the operation is tried again: where an idle connection broke on a new one, else on the next
// server. An operation must bear that. Nothing that a client can cause counts against a server, nor against other
// connections to it: that it leaves, that its time is nearly over, that the answer to it is too long.
func (p *pool) do(ctx context.Context, operation func(*ldap.Conn) error) error {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for a connection: %w", err)
	}
	defer p.slots.Release(1)
	c := p.take()
	reused := c != nil
	first := int(p.directory.preferred.Load())
	for failed := 0; ; reused = false {
		if !reused {
			var err error
			if c, err = p.directory.connect(ctx, p.as, first); err != nil {
				return err
			}
		}
		start := time.Now()
		err := c.run(ctx, p.directory.op, operation)
		if !unreachable(err) {
			p.put(c)
			return err
		}
		c.cut()
		switch {
		case c.raw.left.Load() <= 0:
			return errTooLong
		case errors.Is(ctx.Err(), context.Canceled), ctx.Err() != nil && time.Since(start) < fairChance:
			return err
		case reused:
			// What broke one of them probably broke the others.
			p.drain()
		default:
			failed++
			p.directory.avoid(c.server)
			first = (c.server + 1) % len(p.directory.servers)
		}
		if ctx.Err() != nil || failed == len(p.directory.servers) {
			return err
		}
	}
}

// take returns the idle connection that was used last, or nil.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle[len(p.idle)-1] = nil
		p.idle = p.idle[:len(p.idle)-1]
		if c.usable() {
			return c
		}
	}
	return nil
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !c.usable() {
		c.cut()
		return
	}
	c.unused = time.Now()
	p.idle = append(p.idle, c)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.directory.idle, p.reap)
	}
}

// reap closes what has been idle for too long, and what the server closed.
func (p *pool) reap() {
	p.mu.Lock()
	var old []*conn
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		gone := !c.usable() || time.Since(c.unused) >= p.directory.idle
		if gone {
			old = append(old, c)
		}
		return gone
	})
	switch {
	case p.closed:
	case len(p.idle) == 0:
		p.reaper = nil
	default:
		p.reaper.Reset(p.directory.idle)
	}
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// drain cuts the idle connections.
func (p *pool) drain() {
	for c := p.take(); c != nil; c = p.take() {
		c.cut()
	}
}

// close closes the idle connections, and those in use when they come back.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, c := range idle {
		all.Go(c.quit)
	}
	all.Wait()
}
