package htpasswd

import (
	"context"
	"time"

	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/plugins"
)

// matches checks c against u, nil for an unknown user. Where the file has slow hashes, a remembered password is found
// without hashing, the others wait for their turn, and requests with the same credentials share one check.
// The error is [credential.ErrBusy], ctx's, or that of a check that panicked.
func (p *Plugin) matches(ctx context.Context, u *user, c plugins.Basic) (bool, error) {
	switch {
	case p.dearest == nil:
		return false, nil
	case !p.dearest.kind.slow():
		return p.guess(u, c.Password), nil
	}
	m := p.key.MAC(c.User, c.Password)
	if _, ok := p.right.Get(m); ok {
		return true, nil
	}
	return p.right.Load(ctx, m, func(ctx context.Context) (memo.Entry[bool], error) { return p.queue(ctx, u, c.Password) })
}

// queue makes a guess when its turn comes. An error means that there was no guess. Only the right password is
// remembered: nobody else can fill the memory.
func (p *Plugin) queue(ctx context.Context, u *user, password string) (e memo.Entry[bool], err error) {
	cost := time.Duration(p.dearest.cost) * time.Microsecond
	err = p.hashing.Do(ctx, cost, func() { e.Value = p.guess(u, password) })
	if e.Value {
		e.TTL = p.ttl
	}
	return e, err
}

// guess checks password against the user's hash, and after a wrong guess against the dearest one of the file unless
// the user's is as dear: a wrong password costs as much for a user who is not there as for one who is.
func (p *Plugin) guess(u *user, password string) bool {
	if u != nil && p.check(u.kind, u.hash, password) {
		return true
	}
	if u == nil || u.kind == unknown || u.cost < p.dearest.cost {
		p.check(p.dearest.kind, p.dearest.hash, password)
	}
	return false
}
