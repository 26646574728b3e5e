package login

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
)

const (
	// leaseTime is how long a replica that crashes keeps others from refreshing.
	leaseTime = 12 * time.Second
	// attendTime bounds what one session has done to it while requests wait.
	attendTime = 9 * time.Second
	// pollTime is how often a replica looks whether another one has refreshed.
	pollTime = 40 * time.Millisecond
	// cooldown is how long a session is not tried again after its provider did not answer.
	cooldown = 2 * time.Second
)

// data is what a session holds. Its names are short, for there may be a million.
type data struct {
	// Client names issuer and client: another client's tokens are of no use.
	Client string `json:"c"`
	Person Person `json:"p"`
	// Expires is when the session ends, in seconds since 1970; 0 is never.
	Expires int64            `json:"x,omitempty"`
	Tokens  oauthflow.Tokens `json:"s"`
	// Userinfo is what the provider said at UserinfoAt.
	Userinfo   json.RawMessage `json:"u,omitempty"`
	UserinfoAt int64           `json:"ut,omitempty"`
	// Introspected is until when the access token counts as active.
	Introspected int64 `json:"i,omitempty"`
}

// kept is a session as the store has it. It is shared, and not changed.
type kept = session.Session[data]

// errStore is a session store that cannot answer: nobody is sent to log in, or the new session would replace one that
// is only out of reach.
var errStore = errors.New("session store")

func storeError(err error) error { return fmt.Errorf("%w: %w", errStore, err) }

// look returns what is known of the session that a cookie names; nil when there is none, or it has ended.
func (p *Plugin) look(ctx context.Context, r *plugins.Request, text string) (*known, error) {
	var buf [512]byte
	if len(text) > len(buf) {
		return nil, nil // no cookie of ours is as long
	}
	h := sha256.Sum256(buf[:copy(buf[:], text)])
	now := p.env.Now()
	k, remembered := p.memory.Get(h)
	var id session.ID
	if remembered {
		id = k.id
	} else if opened, ok := p.idOf(text, now); ok {
		id = opened
	} else {
		return nil, nil
	}
	s, err := p.load(ctx, id)
	if err != nil || s == nil {
		return nil, err
	}
	if remembered && k.session == s && (k.until.IsZero() || now.Before(k.until)) {
		return k, k.err
	}
	n, until := p.needs(&s.Value, now)
	switch {
	case n.expired:
		return nil, p.end(ctx, id)
	case n.any():
		k, err = p.attend(ctx, r, s)
	default:
		k, err = p.judge(ctx, s, until)
	}
	if err != nil || k == nil {
		return nil, err
	}
	p.memory.Put(h, memo.Entry[*known]{Value: k, TTL: memo.Forever})
	return k, k.err
}

// load returns the session of id, nil when there is none that is of use to us: it has ended, is sealed by a key that is
// gone or for another audience, or is one at another provider.
func (p *Plugin) load(ctx context.Context, id session.ID) (*kept, error) {
	s, ok, _, err := p.sessions.Load(ctx, id)
	switch {
	case err != nil:
		return nil, storeError(err)
	case !ok || s.Value.Client != p.client:
		return nil, nil
	}
	return s, nil
}

// idOf opens a cookie.
func (p *Plugin) idOf(text string, now time.Time) (session.ID, bool) {
	random, err := p.names.Open(text, now, "")
	if errors.Is(err, seal.ErrKey) && p.foreign.CompareAndSwap(false, true) && p.env.Log != nil {
		p.env.Log.Warn("a session cookie is sealed by a key that is not here: if it is not somebody's invention, "+
			"replicas have different secrets, or a secret was replaced without its old value; said once",
			"hint", "give all replicas the same secrets for cookies, or the same keyring")
	}
	if err != nil {
		return session.ID{}, false
	}
	return session.IDOf(string(random)), true
}

// cookieFor returns a new id, and the cookie's value that names it.
func (p *Plugin) cookieFor() (id session.ID, value string) {
	random, id := session.NewID()
	return id, p.names.Seal([]byte(random), time.Time{}, "")
}

func (p *Plugin) end(ctx context.Context, id session.ID) error {
	if err := p.sessions.Delete(ctx, id); err != nil {
		return storeError(err)
	}
	return nil
}

// save writes d as the next version of s.
func (p *Plugin) save(ctx context.Context, s kept, d data) (*kept, error) {
	s.Value = d
	s.Names = session.Names{Provider: d.Person.Issuer, Subject: d.Person.Subject, SID: d.Person.SID}
	s.Expires = p.features.kept(&d, p.env.Now())
	return p.sessions.Save(ctx, s)
}

// attend does what a session needs, once for all requests that wait for it. Its outcome does not depend on whether the
// first of them stays.
func (p *Plugin) attend(ctx context.Context, r *plugins.Request, s *kept) (*known, error) {
	more, err := p.custom.refresh.values(ctx, r)
	if err != nil {
		return nil, err
	}
	done := p.flights.DoChan(string(s.ID[:]), func() (_ any, err error) {
		defer func() {
			// A panic in singleflight's goroutine would end the process.
			if v := recover(); v != nil {
				err = memo.Panicked(v)
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attendTime)
		defer cancel()
		k, err := p.serve(ctx, s.ID, more)
		if err != nil && !errors.Is(err, errStore) {
			// The next requests need not all wait for a provider that does not answer.
			k, err = &known{id: s.ID, session: s, until: p.env.Now().Add(cooldown), err: err}, nil
		}
		return k, err
	})
	select {
	case res := <-done:
		k, _ := res.Val.(*known)
		return k, res.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// serve refreshes tokens, fetches userinfo, introspects and prolongs, as far as each is due.
func (p *Plugin) serve(ctx context.Context, id session.ID, more url.Values) (*known, error) {
	w := &work{Plugin: p, id: id}
	if err := w.reload(ctx); err != nil || w.kept == nil {
		return nil, err
	}
	if w.n.refresh {
		release, err := w.lease(ctx)
		defer release()
		if err != nil || w.kept == nil {
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return w.refresh(ctx, more) }, w.userinfo, w.introspect, w.slide,
	} {
		if err := step(ctx); err != nil || w.kept == nil {
			return nil, err
		}
	}
	_, until := p.needs(&w.kept.Value, p.env.Now())
	k, err := p.judge(ctx, w.kept, until)
	if k != nil && w.once {
		k.until = p.env.Now() // asked every time
	}
	return k, err
}
