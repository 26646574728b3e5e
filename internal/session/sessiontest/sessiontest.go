// Package sessiontest is the contract suite that every session store passes.
package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
)

// A Bench is an empty store to test, and its time.
type Bench struct {
	session.Store
	// Now is the store's time.
	Now func() time.Time
	// Pass lets time pass for the store; one whose server keeps the time has to wait.
	Pass func(time.Duration)
}

// tick is what leases and marks last in the suite: as short as a store can tell, for those that wait.
const tick = 100 * time.Millisecond

// Run checks the stores that open returns against the contract of [session.Store]. open closes each when t ends.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	t.Helper()
	t.Run("records", func(t *testing.T) { records(t, open) })
	t.Run("expiry", func(t *testing.T) { expiry(t, open) })
	t.Run("delete by", func(t *testing.T) { deleteBy(t, open) })
	t.Run("once", func(t *testing.T) { once(t, open) })
	t.Run("lease", func(t *testing.T) { lease(t, open) })
	t.Run("all", func(t *testing.T) { all(t, open) })

	// The check of a replica's health asks the store.
	t.Run("ready", func(t *testing.T) {
		if err := open(t).Ready(t.Context()); err != nil {
			t.Errorf("Ready = %v", err)
		}
	})
}

// New returns a record that was never saved, and expires in an hour.
func (b Bench) New(value string) session.Record {
	_, id := session.NewID()
	now := b.Now().Truncate(time.Millisecond)
	return session.Record{ID: id, Value: value, Created: now, Expires: now.Add(time.Hour)}
}

// Saved saves r and returns it with its new version.
func (b Bench) Saved(t testing.TB, r session.Record) session.Record {
	t.Helper()
	v, err := b.Save(t.Context(), r)
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	if v != r.Version+1 {
		t.Fatalf("Save of version %d = %d", r.Version, v)
	}
	r.Version = v
	return r
}

func (b Bench) wantRecord(t *testing.T, want session.Record) {
	t.Helper()
	got, ok, err := b.Load(t.Context(), want.ID)
	if err != nil || !ok {
		t.Fatalf("Load = %v, %v, want the record", ok, err)
	}
	if !got.Expires.Equal(want.Expires) || !got.Created.Equal(want.Created) {
		t.Errorf("Load: created %v, expires %v, want %v, %v", got.Created, got.Expires, want.Created, want.Expires)
	}
	got.Created, got.Expires = want.Created, want.Expires
	if got != want {
		t.Errorf("Load = %.200v, want %.200v", got, want)
	}
}

func (b Bench) wantNone(t *testing.T, id session.ID) {
	t.Helper()
	if got, ok, err := b.Load(t.Context(), id); ok || err != nil || got != (session.Record{}) {
		t.Errorf("Load = %.80v, %v, %v, want none", got, ok, err)
	}
}

func records(t *testing.T, open func(t *testing.T) Bench) {
	// Callers tell "not logged in" (a login) from "the store is down" (503) by the error alone.
	t.Run("an unknown id is no error", func(t *testing.T) {
		b := open(t)
		b.wantNone(t, session.ID{})
		b.wantNone(t, b.New("").ID)
	})

	// A value is opened by its bytes, and a session with two ID tokens and userinfo is long.
	t.Run("a record comes back as it was", func(t *testing.T) {
		b := open(t)
		r := b.New(strings.Repeat("aB9-_", session.MaxValue/5))
		r.Provider, r.Subject, r.SID = "p-_23456789012345678901", "s123456789012345678901", "i123456789012345678901"
		b.wantRecord(t, b.Saved(t, r))
		b.wantRecord(t, b.Saved(t, b.New("x")))
	})

	t.Run("what no store can keep is refused", func(t *testing.T) {
		b := open(t)
		if _, err := b.Save(t.Context(), b.New(strings.Repeat("x", session.MaxValue+1))); err == nil {
			t.Error("Save of too long a value: no error")
		}
		r := b.New("x")
		r.Expires = time.Time{}
		if _, err := b.Save(t.Context(), r); err == nil {
			t.Error("Save of what never expires: no error")
		}
		b.wantNone(t, r.ID)
		for _, name := range []string{"a:b", strings.Repeat("x", 65)} {
			r := b.New("x")
			r.Subject = name
			if _, err := b.Save(t.Context(), r); err == nil {
				t.Errorf("Save with the name %s: no error", name)
			}
		}
	})

	// Ids are 32 bytes of anything: none may be taken for text, a number or another's prefix.
	t.Run("ids are bytes", func(t *testing.T) {
		b := open(t)
		var saved []session.Record
		for _, last := range []byte{0, 1, ' ', '%', 'a', 'A', 0x7f, 0x80, 0xff} {
			r := b.New(fmt.Sprint("value", last))
			r.ID = session.ID{31: last}
			saved = append(saved, b.Saved(t, r))
		}
		for _, r := range saved {
			b.wantRecord(t, r)
		}
	})

	// Of two requests that refresh a session, the second would write back the refresh token that the first has used.
	t.Run("one of two saves wins", func(t *testing.T) {
		b := open(t)
		first := b.Saved(t, b.New("login"))
		next := first
		next.Value = "first refresh"
		next = b.Saved(t, next)
		first.Value = "second refresh"
		if _, err := b.Save(t.Context(), first); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save of an old version = %v, want %v", err, session.ErrConflict)
		}
		b.wantRecord(t, next)
		next.Version++
		if _, err := b.Save(t.Context(), next); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save of a version to come = %v, want %v", err, session.ErrConflict)
		}
	})

	t.Run("a save changes all of a record", func(t *testing.T) {
		b := open(t)
		r := b.New("login")
		r.Provider, r.Subject, r.SID = "p", "s", "i"
		r = b.Saved(t, r)
		r.Value, r.Expires = "refreshed", r.Expires.Add(time.Hour)
		r.Provider, r.Subject, r.SID = "p2", "s2", ""
		b.wantRecord(t, b.Saved(t, r))
	})

	// An id that exists belongs to somebody.
	t.Run("a new session takes nobody's place", func(t *testing.T) {
		b := open(t)
		r := b.Saved(t, b.New("mine"))
		other := b.New("theirs")
		other.ID = r.ID
		if _, err := b.Save(t.Context(), other); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save = %v, want %v", err, session.ErrConflict)
		}
		b.wantRecord(t, r)
	})

	// A save whose answer was lost is repeated by whoever sent it: that is no conflict with itself.
	t.Run("a repeated save", func(t *testing.T) {
		b := open(t)
		r := b.New("login")
		b.Saved(t, r)
		saved := b.Saved(t, r)
		r.Version, r.Value = 1, "refreshed"
		b.Saved(t, r)
		again := b.Saved(t, r)
		b.wantRecord(t, again)
		if saved.Version != 1 || again.Version != 2 {
			t.Errorf("versions %d, %d, want 1, 2", saved.Version, again.Version)
		}
	})

	// ATTACKS 29 as far as it is the store's: a refresh under way brings no session back that was logged out meanwhile.
	t.Run("a deleted session stays deleted", func(t *testing.T) {
		b := open(t)
		r := b.Saved(t, b.New("login"))
		for range 2 {
			if err := b.Delete(t.Context(), r.ID); err != nil {
				t.Fatalf("Delete: %v", err)
			}
		}
		b.wantNone(t, r.ID)
		if _, err := b.Save(t.Context(), r); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save after Delete = %v, want %v", err, session.ErrConflict)
		}
		b.wantNone(t, r.ID)
	})

	// The version is what makes one of fifty parallel requests the one that refreshed.
	t.Run("one of many saves wins", func(t *testing.T) {
		b := open(t)
		r := b.Saved(t, b.New("login"))
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				mine := r
				mine.Value = fmt.Sprint("refresh ", i)
				switch _, err := b.Save(t.Context(), mine); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, session.ErrConflict):
					t.Errorf("Save = %v, want %v", err, session.ErrConflict)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 20 saves of one version won", won.Load())
		}
	})

	// Nobody gets another's session, however many there are at once.
	t.Run("many at once", func(t *testing.T) {
		b := open(t)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				r := b.Saved(t, b.New(fmt.Sprint("value", i)))
				for range 3 {
					got, ok, err := b.Load(t.Context(), r.ID)
					if err != nil || !ok || got.Value != r.Value || got.ID != r.ID {
						t.Errorf("Load = %.80v, %v, %v, want %s", got, ok, err, r.Value)
					}
				}
			})
		}
		wg.Wait()
	})

	// A client that leaves is neither a store that is down nor a session that is unknown.
	t.Run("a caller who has left", func(t *testing.T) {
		b := open(t)
		r := b.Saved(t, b.New("x"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok, err := b.Load(ctx, r.ID); !ok && err == nil {
			t.Error("Load = none, want the record or an error")
		}
		b.wantRecord(t, r)
	})
}

func expiry(t *testing.T, open func(t *testing.T) Bench) {
	t.Run("an expired record is none", func(t *testing.T) {
		b := open(t)
		r := b.New("x")
		r.Subject, r.Expires = "s", b.Now().Add(tick)
		r = b.Saved(t, r)
		b.Pass(tick)
		b.wantNone(t, r.ID)
		if _, err := b.Save(t.Context(), r); !errors.Is(err, session.ErrConflict) {
			t.Errorf("Save of an expired session = %v, want %v", err, session.ErrConflict)
		}
		if n, err := b.DeleteBy(t.Context(), session.Match{Subject: "s"}); n != 0 || err != nil {
			t.Errorf("DeleteBy = %d, %v, want none", n, err)
		}
	})

	// What expires and is never taken out fills the store.
	t.Run("expired records are swept", func(t *testing.T) {
		b := open(t)
		sweeper, ok := b.Store.(session.Sweeper)
		if !ok {
			t.Skip("the store forgets by itself")
		}
		for i := range 5 {
			r := b.New(fmt.Sprint(i))
			r.Expires = b.Now().Add(tick)
			b.Saved(t, r)
		}
		lives, moved := b.Saved(t, b.New("lives")), b.New("moved")
		moved.Expires = b.Now().Add(tick)
		moved = b.Saved(t, moved)
		moved.Expires = moved.Expires.Add(time.Hour)
		moved = b.Saved(t, moved)
		b.Pass(2 * time.Minute)
		if n, err := sweeper.Sweep(t.Context()); n != 5 || err != nil {
			t.Errorf("Sweep = %d, %v, want 5", n, err)
		}
		if n, err := sweeper.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("Sweep again = %d, %v, want 0", n, err)
		}
		b.wantRecord(t, lives)
		b.wantRecord(t, moved)
	})
}

func deleteBy(t *testing.T, open func(t *testing.T) Bench) {
	// Back-channel logout names a subject, a session of the provider's, or both (OpenID Back-Channel Logout 1.0 §2.4).
	for _, tt := range []struct {
		name string
		m    session.Match
		want []string // what is left
	}{
		{"a subject", session.Match{Provider: "p", Subject: "alice"}, []string{"3", "4"}},
		{"a session of the provider's", session.Match{Provider: "p", SID: "i1"}, []string{"2", "3", "4"}},
		{"both", session.Match{Provider: "p", Subject: "alice", SID: "i2"}, []string{"1", "3", "4"}},
		{"both, of two people", session.Match{Provider: "p", Subject: "bob", SID: "i2"}, []string{"1", "2", "3", "4"}},
		{"a subject at any provider", session.Match{Subject: "alice"}, []string{"3"}},
		{"nobody", session.Match{Provider: "p", Subject: "carol"}, []string{"1", "2", "3", "4"}},
		{"a subject's name as a sid", session.Match{SID: "alice"}, []string{"1", "2", "3", "4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t)
			var saved []session.Record
			for _, r := range []session.Record{
				{Value: "1", Provider: "p", Subject: "alice", SID: "i1"},
				{Value: "2", Provider: "p", Subject: "alice", SID: "i2"},
				{Value: "3", Provider: "p", Subject: "bob", SID: "i3"},
				{Value: "4", Provider: "p2", Subject: "alice", SID: ""},
			} {
				n := b.New(r.Value)
				n.Provider, n.Subject, n.SID = r.Provider, r.Subject, r.SID
				saved = append(saved, b.Saved(t, n))
			}
			n, err := b.DeleteBy(t.Context(), tt.m)
			if err != nil || n != 4-len(tt.want) {
				t.Errorf("DeleteBy = %d, %v, want %d", n, err, 4-len(tt.want))
			}
			for _, r := range saved {
				if slices.Contains(tt.want, r.Value) {
					b.wantRecord(t, r)
				} else {
					b.wantNone(t, r.ID)
				}
			}
		})
	}

	t.Run("everybody", func(t *testing.T) {
		b := open(t)
		r := b.Saved(t, b.New("x"))
		for _, m := range []session.Match{{}, {Provider: "p"}} {
			if n, err := b.DeleteBy(t.Context(), m); n != 0 || err == nil {
				t.Errorf("DeleteBy(%v) = %d, %v, want an error", m, n, err)
			}
		}
		b.wantRecord(t, r)
	})

	// A session whose names changed is found by the new ones alone.
	t.Run("after a change of names", func(t *testing.T) {
		b := open(t)
		r := b.New("x")
		r.Subject = "old"
		r = b.Saved(t, r)
		r.Subject = "new"
		r = b.Saved(t, r)
		if n, err := b.DeleteBy(t.Context(), session.Match{Subject: "old"}); n != 0 || err != nil {
			t.Errorf("DeleteBy the old name = %d, %v, want 0", n, err)
		}
		b.wantRecord(t, r)
		if n, err := b.DeleteBy(t.Context(), session.Match{Subject: "new"}); n != 1 || err != nil {
			t.Errorf("DeleteBy the new name = %d, %v, want 1", n, err)
		}
		b.wantNone(t, r.ID)
	})

	t.Run("many of one subject", func(t *testing.T) {
		b := open(t)
		for range 50 {
			r := b.New("x")
			r.Subject = "robot"
			b.Saved(t, r)
		}
		if n, err := b.DeleteBy(t.Context(), session.Match{Subject: "robot"}); n != 50 || err != nil {
			t.Errorf("DeleteBy = %d, %v, want 50", n, err)
		}
	})
}

func (b Bench) wantOnce(t *testing.T, key string, until time.Time, want bool) {
	t.Helper()
	if got, err := b.Once(t.Context(), key, until); err != nil || got != want {
		t.Errorf("Once(%.40q) = %v, %v, want %v", key, got, err, want)
	}
}

func once(t *testing.T, open func(t *testing.T) Bench) {
	// ATTACKS 30 as far as it is the store's: a state is used once.
	t.Run("the second is not the first", func(t *testing.T) {
		b := open(t)
		until := b.Now().Add(time.Hour)
		b.wantOnce(t, "state", until, true)
		b.wantOnce(t, "state", until, false)
		b.wantOnce(t, "State", until, true)
		b.wantOnce(t, "state ", until, true)
		b.wantOnce(t, "", until, true)
	})

	// The jti of a logout token is its provider's choice.
	t.Run("keys are anything", func(t *testing.T) {
		b := open(t)
		for _, key := range []string{"\x00", "\xff\xfe", "日本", strings.Repeat("k", 10000), "a:b", "{a}", "'"} {
			b.wantOnce(t, key, b.Now().Add(time.Hour), true)
			b.wantOnce(t, key, b.Now().Add(time.Hour), false)
		}
	})

	t.Run("one of many is first", func(t *testing.T) {
		b := open(t)
		var first atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ok, err := b.Once(t.Context(), "state", b.Now().Add(time.Hour))
				if err != nil {
					t.Errorf("Once: %v", err)
				}
				if ok {
					first.Add(1)
				}
			})
		}
		wg.Wait()
		if first.Load() != 1 {
			t.Errorf("%d of 20 were first", first.Load())
		}
	})

	t.Run("a mark ends", func(t *testing.T) {
		b := open(t)
		b.wantOnce(t, "state", b.Now().Add(tick), true)
		b.Pass(tick)
		b.wantOnce(t, "state", b.Now().Add(time.Hour), true)
	})
}

func lease(t *testing.T, open func(t *testing.T) Bench) {
	take := func(t *testing.T, b Bench, id session.ID, ttl time.Duration, want bool) func() {
		t.Helper()
		release, ok, err := b.Lease(t.Context(), id, ttl)
		if err != nil || ok != want {
			t.Fatalf("Lease = %v, %v, want %v", ok, err, want)
		}
		return release
	}

	// Fifty parallel requests make one refresh call: a provider that sees a refresh token twice ends the grant.
	t.Run("one has it", func(t *testing.T) {
		b := open(t)
		id, other := b.New("").ID, b.New("").ID
		release := take(t, b, id, time.Minute, true)
		take(t, b, id, time.Minute, false)
		take(t, b, other, time.Minute, true)
		release()
		again := take(t, b, id, time.Minute, true)
		release() // of a lease that is over: the next holder keeps theirs
		take(t, b, id, time.Minute, false)
		again()
	})

	// A replica that was killed while it refreshed must not keep the session's other requests from it for ever.
	t.Run("a holder that crashed loses it", func(t *testing.T) {
		b := open(t)
		id := b.New("").ID
		stale := take(t, b, id, tick, true)
		b.Pass(tick)
		take(t, b, id, time.Minute, true)
		stale()
		take(t, b, id, time.Minute, false)
	})

	t.Run("one of many has it", func(t *testing.T) {
		b := open(t)
		id := b.New("").ID
		var got atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, ok, err := b.Lease(t.Context(), id, time.Minute)
				if err != nil {
					t.Errorf("Lease: %v", err)
				}
				if ok {
					got.Add(1)
				}
			})
		}
		wg.Wait()
		if got.Load() != 1 {
			t.Errorf("%d of 20 have the lease", got.Load())
		}
	})

	// A lease is no record.
	t.Run("nothing but a lease", func(t *testing.T) {
		b := open(t)
		id := b.New("").ID
		take(t, b, id, time.Minute, true)
		b.wantNone(t, id)
		b.wantOnce(t, string(id[:]), b.Now().Add(time.Hour), true)
	})
}

func all(t *testing.T, open func(t *testing.T) Bench) {
	b := open(t)
	lister, ok := b.Store.(session.Lister)
	if !ok {
		t.Skip("no other process sees the store")
	}
	want := map[session.ID]session.Record{}
	for i := range 30 {
		r := b.New(fmt.Sprint("value", i))
		if i%3 == 0 {
			r.Provider, r.Subject = "p", "alice"
		}
		want[r.ID] = b.Saved(t, r)
	}
	expired := b.New("expired")
	expired.Subject, expired.Expires = "alice", b.Now().Add(tick)
	b.Saved(t, expired)
	b.Pass(tick)
	count := func(m session.Match) (n int) {
		t.Helper()
		for r, err := range lister.All(t.Context(), m) {
			if err != nil {
				t.Fatalf("All: %v", err)
			}
			if r.Value != want[r.ID].Value || !m.Matches(r) {
				t.Errorf("All(%v) yields %.80v", m, r)
			}
			n++
		}
		return n
	}
	if got := count(session.Match{}); got != 30 {
		t.Errorf("All yields %d records, want 30", got)
	}
	if got := count(session.Match{Subject: "alice"}); got != 10 {
		t.Errorf("All of alice yields %d records, want 10", got)
	}
	for _, err := range lister.All(t.Context(), session.Match{}) {
		if err != nil {
			t.Fatalf("All: %v", err)
		}
		break // a loop that ends early must not hang or leak
	}
}
