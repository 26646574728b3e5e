// Package memory keeps sessions in the process: they end with it, and no other replica sees them.
//
// It never drops a session to make room for another: a store that is full takes no new ones, and whoever is logged in
// stays so. A request without a login writes nothing to it but, after a callback, the mark of a used state, which is
// bounded too.
package memory

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/easgate/easgate/internal/session"
)

// Options bound a store.
type Options struct {
	// Max is how many sessions there may be; 0 means 1,000,000. Used states and leases have as much room again.
	Max int
	// MaxBytes is how much memory they may take, about; 0 means 1 GiB.
	MaxBytes int64
	Now      func() time.Time
}

// overhead is what a record takes beside its value: the map's and the indexes' entries, the hashes.
const overhead = 600

type store struct {
	Options
	mu      sync.RWMutex
	records map[session.ID]*entry
	bytes   int64
	// named finds records by the hash of a subject or sid; which of the two, the record tells.
	named map[string][]session.ID
	// due holds what may be swept, by the minute.
	due    map[int64][]session.ID
	claims map[[32]byte]*claim
}

type entry struct {
	session.Record
	due int64 // the minute under which it stands in store.due
}

// A claim is a used key or a lease.
type claim struct{ until time.Time }

// New returns an empty store.
func New(o Options) session.Store {
	if o.Max <= 0 {
		o.Max = 1_000_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	return &store{
		Options: o,
		records: map[session.ID]*entry{}, named: map[string][]session.ID{},
		due: map[int64][]session.ID{}, claims: map[[32]byte]*claim{},
	}
}

func (s *store) Load(_ context.Context, id session.ID) (session.Record, bool, error) {
	now := s.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.records[id]
	if e == nil || !now.Before(e.Expires) {
		return session.Record{}, false, nil
	}
	return e.Record, true, nil
}

func (s *store) Save(_ context.Context, r session.Record) (int64, error) {
	if err := r.Check(); err != nil {
		return 0, err
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.records[r.ID]
	if e != nil && !now.Before(e.Expires) {
		s.remove(e)
		e = nil
	}
	switch {
	case e == nil && r.Version == 0:
		size := int64(len(r.Value)) + overhead
		if len(s.records) >= s.Max || s.bytes+size > s.MaxBytes {
			return 0, fmt.Errorf("%w: %d sessions, %d MB", session.ErrFull, len(s.records), s.bytes>>20)
		}
		e = &entry{due: minute(r.Expires)}
		s.records[r.ID] = e
		s.due[e.due] = append(s.due[e.due], r.ID)
		s.bytes += overhead
	case e != nil && e.Version == r.Version+1 && e.Value == r.Value:
		return e.Version, nil // the same save again
	case e == nil || e.Version != r.Version:
		return 0, session.ErrConflict
	}
	r.Version++
	s.bytes += int64(len(r.Value) - len(e.Value))
	if r.Subject != e.Subject || r.SID != e.SID {
		s.unname(e)
		for _, name := range []string{r.Subject, r.SID} {
			if name != "" {
				s.named[name] = append(s.named[name], r.ID)
			}
		}
	}
	e.Record = r
	return r.Version, nil
}

// minute is the one at whose end what expires at t can be swept.
func minute(t time.Time) int64 { return t.Unix()/60 + 1 }

// unname takes e out of the lists of its names.
func (s *store) unname(e *entry) {
	for _, name := range []string{e.Subject, e.SID} {
		if name == "" {
			continue
		}
		rest := slices.DeleteFunc(s.named[name], func(id session.ID) bool { return id == e.ID })
		if s.named[name] = rest; len(rest) == 0 {
			delete(s.named, name)
		}
	}
}

// remove leaves e's id in s.due, where a sweep finds it gone.
func (s *store) remove(e *entry) {
	s.unname(e)
	s.bytes -= int64(len(e.Value)) + overhead
	delete(s.records, e.ID)
}

func (s *store) Delete(_ context.Context, id session.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.records[id]; e != nil {
		s.remove(e)
	}
	return nil
}

func (s *store) DeleteBy(_ context.Context, m session.Match) (int, error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	name, n := m.SID, 0
	if name == "" {
		name = m.Subject
	}
	for _, id := range slices.Clone(s.named[name]) {
		e := s.records[id]
		if e == nil || !m.Matches(e.Record) {
			continue
		}
		if now.Before(e.Expires) {
			n++
		}
		s.remove(e)
	}
	return n, nil
}

func (s *store) Once(_ context.Context, key string, until time.Time) (bool, error) {
	c, err := s.claim(sha256.Sum256([]byte("once "+key)), until)
	return c != nil, err
}

func (s *store) Lease(_ context.Context, id session.ID, ttl time.Duration) (func(), bool, error) {
	key := sha256.Sum256(append([]byte("lease "), id[:]...))
	c, err := s.claim(key, s.Now().Add(ttl))
	if c == nil {
		return nil, false, err
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.claims[key] == c {
			delete(s.claims, key)
		}
	}, true, nil
}

// claim takes key until then; nil if somebody has it.
func (s *store) claim(key [32]byte, until time.Time) (*claim, error) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.claims[key]; c != nil {
		if now.Before(c.until) {
			return nil, nil
		}
	} else if len(s.claims) >= s.Max {
		return nil, fmt.Errorf("%w of used states and leases: %d", session.ErrFull, len(s.claims))
	}
	c := &claim{until}
	s.claims[key] = c
	return c, nil
}

// batch is how many records a sweep looks at before it lets others in.
const batch = 1000

func (s *store) Sweep(ctx context.Context) (int, error) {
	now := s.Now()
	n := 0
	for _, at := range s.minutesBefore(now) {
		for more := true; more && ctx.Err() == nil; {
			var swept int
			swept, more = s.sweepMinute(at, now)
			n += swept
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, c := range s.claims {
		if !now.Before(c.until) {
			delete(s.claims, key)
		}
	}
	return n, ctx.Err()
}

func (s *store) minutesBefore(now time.Time) (all []int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for at := range s.due {
		if at*60 <= now.Unix() {
			all = append(all, at)
		}
	}
	return all
}

// sweepMinute looks at some of what was due at that minute: what expires later by now is put under its new minute.
func (s *store) sweepMinute(at int64, now time.Time) (n int, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := s.due[at]
	part := ids[max(0, len(ids)-batch):]
	for _, id := range part {
		switch e := s.records[id]; {
		case e == nil || e.due != at: // deleted, or another record's
		case !now.Before(e.Expires):
			s.remove(e)
			n++
		default:
			e.due = minute(e.Expires)
			s.due[e.due] = append(s.due[e.due], id)
		}
	}
	if s.due[at] = ids[:len(ids)-len(part)]; len(s.due[at]) == 0 {
		delete(s.due, at)
	}
	return n, len(s.due[at]) > 0
}

func (*store) Ready(context.Context) error { return nil }

func (*store) Close() error { return nil }
