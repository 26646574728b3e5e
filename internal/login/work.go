package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/session"
)

// work is one session that something is due for.
type work struct {
	*Plugin
	id session.ID
	// kept is nil when the session has ended.
	kept *kept
	n    need
	// once says that the outcome is for the requests that wait, and for none after them.
	once bool
}

// reload reads the session anew.
func (w *work) reload(ctx context.Context) (err error) {
	if w.kept, err = w.load(ctx, w.id); err != nil || w.kept == nil {
		return err
	}
	if w.n, _ = w.needs(&w.kept.Value, w.env.Now()); w.n.expired {
		return w.ended(ctx)
	}
	return nil
}

// ended ends the session.
func (w *work) ended(ctx context.Context) error {
	w.kept = nil
	return w.end(ctx, w.id)
}

// lease waits until this replica may refresh the session, or another one has. It then knows the session as it is.
func (w *work) lease(ctx context.Context) (release func(), err error) {
	release = func() {}
	for {
		got, ok, err := w.sessions.Lease(ctx, w.id, leaseTime)
		if err != nil {
			return release, storeError(err)
		}
		if ok {
			release = got
		} else {
			select {
			case <-time.After(pollTime):
			case <-ctx.Done():
				return release, errors.New("refresh: another replica has not finished")
			}
		}
		if err := w.reload(ctx); err != nil || w.kept == nil || ok || !w.n.refresh {
			return release, err
		}
	}
}

// refresh gets fresh tokens and saves them before anything else can fail: a provider that rotates has forgotten the old
// ones by now.
func (w *work) refresh(ctx context.Context, more url.Values) error {
	if !w.n.refresh {
		return nil
	}
	t, err := w.provider.Refresh(ctx, w.kept.Value.Tokens.Refresh, more)
	var refused *oauthflow.Error
	if errors.As(err, &refused) && refused.Refused() {
		w.told("refresh refused: a new login", err)
		return w.ended(ctx)
	}
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if t.Scope == "" {
		t.Scope = w.kept.Value.Tokens.Scope
	}
	person := w.kept.Value.Person
	if t.ID == "" {
		t.ID = w.kept.Value.Tokens.ID
	} else {
		person, err = w.kind.Check(ctx, &t, Expected{Subject: w.kept.Value.Person.Subject})
		if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
			w.told("refresh: the new tokens are not good: a new login", err)
			return w.ended(ctx)
		} else if err != nil {
			return fmt.Errorf("refresh: %w", err)
		}
	}
	w.n.userinfo = w.n.userinfo || w.features.fetchUserinfo && w.features.userinfo.Token
	w.n.introspect = w.features.IntrospectAccessToken
	return w.change(ctx, func(d *data) { d.Tokens, d.Person, d.Introspected = t, person, 0 })
}

func (w *work) userinfo(ctx context.Context) error {
	if !w.n.userinfo {
		return nil
	}
	before := w.kept.Value.Person
	info, person, err := w.kind.Userinfo(ctx, &w.kept.Value.Tokens, before)
	if err == nil && person.Subject != before.Subject {
		err = &Refusal{"it is about somebody else than before"}
	}
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		w.told("userinfo: a new login", err)
		return w.ended(ctx)
	} else if err != nil {
		return fmt.Errorf("userinfo: %w", err)
	}
	return w.change(ctx, func(d *data) { d.Userinfo, d.UserinfoAt = info, w.env.Now().Unix() })
}

func (w *work) introspect(ctx context.Context) error {
	if !w.n.introspect {
		return nil
	}
	active, err := w.provider.Introspect(ctx, w.kept.Value.Tokens.Access)
	switch {
	case err != nil:
		return err
	case !active:
		return w.ended(ctx)
	case w.features.IntrospectExpiry.Number <= 0:
		w.once = true
		return nil
	}
	return w.change(ctx, func(d *data) {
		d.Introspected = w.env.Now().Add(seconds(w.features.IntrospectExpiry.Number)).Unix()
	})
}

// slide begins the session's time anew.
func (w *work) slide(ctx context.Context) error {
	if !w.n.slide {
		return nil
	}
	return w.change(ctx, func(*data) {})
}

// change saves the session with what do does to it, whoever else changed it meanwhile. A session that is gone stays so.
func (w *work) change(ctx context.Context, do func(*data)) error {
	for range 4 {
		d := w.kept.Value
		do(&d)
		d.Expires = w.features.ends(&d, w.env.Now())
		s, err := w.save(ctx, *w.kept, d)
		switch {
		case err == nil:
			w.kept = s
			return nil
		case !errors.Is(err, session.ErrConflict):
			return storeError(err)
		}
		n := w.n
		if err := w.reload(ctx); err != nil || w.kept == nil {
			return err
		}
		w.n = n
	}
	return storeError(session.ErrConflict)
}

// told logs what ended a session and is for the operator to know.
func (w *work) told(what string, err error) {
	if w.env.Log != nil {
		w.env.Log.Info(w.Plugin.s.Type+": "+what, "error", err)
	}
}
