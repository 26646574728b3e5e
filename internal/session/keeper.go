package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/easgate/easgate/internal/seal"
)

// Names are what the provider knows a login by; the store sees keyed hashes of them.
type Names struct {
	// Provider is the issuer.
	Provider string `json:"provider,omitempty"`
	// Subject is who logged in, as the issuer calls them.
	Subject string `json:"subject,omitempty"`
	// SID is the issuer's own id of the session, "" if it names none.
	SID string `json:"sid,omitempty"`
}

// A Session is a login as a plugin sees it. One that was loaded is shared by all who load it: what it refers to is
// never changed. To change it, save a copy.
type Session[T any] struct {
	ID      ID
	Version int64 // 0 before the first save
	Names
	Created, Expires time.Time
	// Value is what the plugin keeps, and encoding/json can encode.
	Value T
}

// A Keeper keeps sessions of one audience in a store, sealed. It is safe for concurrent use.
type Keeper[T any] struct {
	Store
	box   seal.Box
	index seal.Index
	now   func() time.Time
	// opened are sessions by their id, with the sealed value that they were opened from: a store that answers with that
	// value again says that they are current.
	opened *otter.Cache[ID, *opened[T]]
}

type opened[T any] struct {
	sealed  string
	session *Session[T]
}

// is reports whether o was opened from r.
func (o *opened[T]) is(r Record) bool { return o.sealed == r.Value && o.session.Version == r.Version }

// body is what is sealed.
type body[V any] struct {
	Names
	Value V `json:"value"`
}

// maxOpened bounds the sealed values whose opened sessions a Keeper remembers, in bytes.
const maxOpened = 32 << 20

// NewKeeper returns the keeper of an audience's sessions. The error names the setting that is missing when there is no
// secret to seal sessions with.
func NewKeeper[T any](s Store, keys seal.Keys, audience string, now func() time.Time) (*Keeper[T], error) {
	box, err := keys.For(seal.Session, audience)
	if err != nil {
		return nil, err
	}
	index, err := keys.Index()
	if err != nil {
		return nil, err
	}
	cache, err := otter.New(&otter.Options[ID, *opened[T]]{
		MaximumWeight: maxOpened,
		Weigher:       func(_ ID, o *opened[T]) uint32 { return uint32(len(o.sealed)) + 512 },
	})
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return &Keeper[T]{s, box, index, now, cache}, nil
}

// Load returns the session of id. An unknown or expired one is ok == false with a nil error, and so is one that does
// not open: of another audience, by a key that is gone, or altered in the store; why, says the third result.
func (k *Keeper[T]) Load(ctx context.Context, id ID) (s *Session[T], ok bool, why, err error) {
	r, ok, err := k.Store.Load(ctx, id)
	if err != nil || !ok {
		return nil, false, nil, err
	}
	if r.ID != id { // a store that answers with another session is no store
		return nil, false, seal.ErrForged, nil
	}
	if o, ok := k.opened.GetIfPresent(id); ok && o.is(r) && k.now().Before(o.session.Expires) {
		return o.session, true, nil, nil
	}
	plain, err := k.box.Open(r.Value, k.now(), string(id[:]))
	if err != nil {
		return nil, false, err, nil
	}
	var b body[T]
	if err := json.Unmarshal(plain, &b); err != nil {
		return nil, false, errors.New("session: of another version of easgate"), nil
	}
	s = &Session[T]{ID: id, Version: r.Version, Names: b.Names, Created: r.Created, Expires: r.Expires, Value: b.Value}
	k.opened.Set(id, &opened[T]{r.Value, s})
	return s, true, nil, nil
}

// Save writes s if the store has s.Version of it, and returns it with its new version; otherwise [ErrConflict].
// A first save (Version 0) sets Created.
func (k *Keeper[T]) Save(ctx context.Context, s Session[T]) (*Session[T], error) {
	if s.Version == 0 {
		s.Created = k.now()
	}
	s.Created, s.Expires = s.Created.Truncate(time.Millisecond), s.Expires.Truncate(time.Millisecond)
	plain, err := json.Marshal(body[T]{s.Names, s.Value})
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	r := record(k.index, s.Names)
	r.ID, r.Version, r.Created, r.Expires = s.ID, s.Version, s.Created, s.Expires
	r.Value = k.box.Seal(plain, s.Expires, string(s.ID[:]))
	if s.Version, err = k.Store.Save(ctx, r); err != nil {
		return nil, err
	}
	k.opened.Set(s.ID, &opened[T]{r.Value, &s})
	return &s, nil
}

// Delete ends the session of id.
func (k *Keeper[T]) Delete(ctx context.Context, id ID) error {
	k.opened.Invalidate(id)
	return k.Store.Delete(ctx, id)
}

// End ends all sessions that n names, of whichever audience, and returns how many there were: back-channel logout.
// Subject or SID is required.
func (k *Keeper[T]) End(ctx context.Context, n Names) (int, error) {
	return End(ctx, k.Store, k.index, n)
}

// End ends all sessions in s that n names, and returns how many there were.
func End(ctx context.Context, s Store, index seal.Index, n Names) (total int, err error) {
	for _, m := range Matches(index, n) {
		ended, err := s.DeleteBy(ctx, m)
		if total += ended; err != nil {
			return total, err
		}
	}
	return total, nil
}

// Matches returns what finds the sessions of n, one match for each key that may have hashed their names.
func Matches(index seal.Index, n Names) []Match {
	provider, subject, sid := index.Hashes(n.Provider), index.Hashes(n.Subject), index.Hashes(n.SID)
	all := make([]Match, len(provider))
	for i := range all {
		all[i] = Match{provider[i], subject[i], sid[i]}
	}
	return all
}

// record is a record with the hashes of n.
func record(index seal.Index, n Names) Record {
	return Record{Provider: index.Hash(n.Provider), Subject: index.Hash(n.Subject), SID: index.Hash(n.SID)}
}
