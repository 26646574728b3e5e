package htpasswd

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/plugins"
)

// seen is a password that was right: its MAC, and when to ask for the hash again.
type seen struct {
	mac   credential.MAC
	until time.Time
}

// matches checks c against u, nil for an unknown user. Where the file has slow hashes, a remembered password is found
// without hashing, the others wait for their turn, and requests with the same credentials share one check.
// The error is [credential.ErrBusy] or ctx's.
func (p *Plugin) matches(ctx context.Context, u *user, c plugins.Basic) (bool, error) {
	switch {
	case p.dearest == nil:
		return false, nil
	case !p.dearest.kind.slow():
		return p.guess(u, c.Password), nil
	}
	m := p.key.MAC(c.User, c.Password)
	if u != nil && p.remembered(u, m) {
		return true, nil
	}
	return p.checks.Do(ctx, m, func() (bool, error) { return p.queue(ctx, u, c.Password, m) })
}

// queue makes a guess when its turn comes. An error means that there was no guess.
func (p *Plugin) queue(ctx context.Context, u *user, password string, m credential.MAC) (ok bool, err error) {
	cost := time.Duration(p.dearest.cost) * time.Microsecond
	err = p.hashing.Do(ctx, cost, func() { ok = p.guess(u, password) })
	if ok && p.ttl > 0 {
		u.seen.Store(&seen{mac: m, until: p.now().Add(p.ttl)})
	}
	return ok, err
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

func (p *Plugin) remembered(u *user, m credential.MAC) bool {
	s := u.seen.Load()
	return s != nil && subtle.ConstantTimeCompare(s.mac[:], m[:]) == 1 && p.now().Before(s.until)
}
