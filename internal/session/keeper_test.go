package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/memory"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

type login struct{ AccessToken string }

func clock() time.Time { return start }

func ring(current string, older ...string) *seal.Ring {
	s := seal.Secrets{Setting: "EAS_SESSION_ENCRYPT_SECRET", Current: []byte(current)}
	for _, o := range older {
		s.Older = append(s.Older, []byte(o))
	}
	return seal.New(map[seal.Purpose]seal.Secrets{seal.Session: s}, nil, clock)
}

func keeper(t testing.TB, s session.Store, keys seal.Keys, audience string) *session.Keeper[login] {
	t.Helper()
	k, err := session.NewKeeper[login](s, keys, audience, clock)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func Example() {
	store := memory.New(memory.Options{Now: time.Now})
	keys := seal.New(map[seal.Purpose]seal.Secrets{seal.Session: {Current: []byte("32 random bytes, from a generator")}}, nil, time.Now)
	keeper, err := session.NewKeeper[login](store, keys, "https://app.example.com", time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	cookie, id := session.NewID()
	_, err = keeper.Save(ctx, session.Session[login]{
		ID: id, Names: session.Names{Provider: "https://op.example.com", Subject: "alice"},
		Expires: time.Now().Add(time.Hour), Value: login{"an access token"},
	})
	fmt.Println(err)

	s, ok, _, err := keeper.Load(ctx, session.IDOf(cookie))
	fmt.Println(s.Subject, s.Value.AccessToken, ok, err)
	n, err := keeper.End(ctx, session.Names{Provider: "https://op.example.com", Subject: "alice"})
	fmt.Println(n, err)
	// Output:
	// <nil>
	// alice an access token true <nil>
	// 1 <nil>
}

func saved(t testing.TB, k *session.Keeper[login], subject string) *session.Session[login] {
	t.Helper()
	_, id := session.NewID()
	s, err := k.Save(t.Context(), session.Session[login]{
		ID: id, Names: session.Names{Provider: "p", Subject: subject}, Expires: start.Add(time.Hour), Value: login{"of " + subject},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ATTACKS 48: whoever may write to the store gives nobody another's session: values are bound to their id and audience.
func TestSwappedValues(t *testing.T) {
	for _, remembered := range []bool{true, false} {
		store := memory.New(memory.Options{Now: clock})
		k := keeper(t, store, ring("secret"), "a")
		alice, bob := saved(t, k, "alice"), saved(t, k, "bob")
		ra, _, _ := store.Load(t.Context(), alice.ID)
		rb, _, _ := store.Load(t.Context(), bob.ID)
		ra.Value, rb.Value = rb.Value, ra.Value
		for _, r := range []session.Record{ra, rb} {
			if err := store.Delete(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
			r.Version = 0
			if _, err := store.Save(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if !remembered {
			k = keeper(t, store, ring("secret"), "a")
		}
		for _, id := range []session.ID{alice.ID, bob.ID} {
			if s, ok, why, err := k.Load(t.Context(), id); ok || err != nil || !errors.Is(why, seal.ErrForged) {
				t.Errorf("Load of a swapped value = %v, %v, %v, %v, want none", s, ok, why, err)
			}
		}
	}
}

// A store that answers with another record than the one asked for, as a broken cache might.
type confused struct {
	session.Store
	id session.ID
}

func (c confused) Load(ctx context.Context, _ session.ID) (session.Record, bool, error) {
	return c.Store.Load(ctx, c.id)
}

// ATTACKS 17: a store that is down.
type down struct{ session.Store }

var errDown = errors.New("down")

func (down) Load(context.Context, session.ID) (session.Record, bool, error) {
	return session.Record{}, false, errDown
}

func TestLoad(t *testing.T) {
	store := memory.New(memory.Options{Now: clock})
	k := keeper(t, store, ring("secret"), "a")
	alice, bob := saved(t, k, "alice"), saved(t, k, "bob")
	for _, tt := range []struct {
		name      string
		k         *session.Keeper[login]
		why, fail error
	}{
		{"mine", k, nil, nil},
		{"again", k, nil, nil},
		{"another replica", keeper(t, store, ring("secret"), "a"), nil, nil},
		{"another audience", keeper(t, store, ring("secret"), "b"), seal.ErrForged, nil},
		{"a key that is gone", keeper(t, store, ring("other"), "a"), seal.ErrKey, nil},
		{"another session", keeper(t, confused{store, bob.ID}, ring("secret"), "a"), seal.ErrForged, nil},
		{"a store that is down", keeper(t, down{store}, ring("secret"), "a"), nil, errDown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ok, why, err := tt.k.Load(t.Context(), alice.ID)
			if !errors.Is(err, tt.fail) || !errors.Is(why, tt.why) || (err == nil) != (tt.fail == nil) {
				t.Fatalf("Load = %v, %v, %v, want %v, %v", ok, why, err, tt.why, tt.fail)
			}
			if want := tt.why == nil && tt.fail == nil; ok != want || ok && (s.Subject != "alice" || s.Value.AccessToken != "of alice") {
				t.Errorf("Load = %+v, %v, want %v", s, ok, want)
			}
		})
	}
}

// A refresh that lost the race must see what the winner wrote.
func TestSaveConflict(t *testing.T) {
	store := memory.New(memory.Options{Now: clock})
	one, two := keeper(t, store, ring("secret"), "a"), keeper(t, store, ring("secret"), "a")
	s := saved(t, one, "alice")
	next := *s
	next.Value.AccessToken = "refreshed"
	if _, err := two.Save(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Save(t.Context(), *s); !errors.Is(err, session.ErrConflict) {
		t.Errorf("Save = %v, want %v", err, session.ErrConflict)
	}
	if got, ok, _, _ := one.Load(t.Context(), s.ID); !ok || got.Value.AccessToken != "refreshed" || got.Version != 2 {
		t.Errorf("Load = %+v, %v, want what the other saved", got, ok)
	}
}

// A secret that is replaced ends no session, and a logout finds the sessions that its names were hashed for before.
func TestRotation(t *testing.T) {
	store := memory.New(memory.Options{Now: clock})
	s := saved(t, keeper(t, store, ring("old"), "a"), "alice")
	k := keeper(t, store, ring("new", "old"), "a")
	if _, ok, why, err := k.Load(t.Context(), s.ID); !ok || err != nil {
		t.Fatalf("Load = %v, %v, %v", ok, why, err)
	}
	saved(t, k, "alice")
	if n, err := k.End(t.Context(), session.Names{Provider: "p", Subject: "alice"}); n != 2 || err != nil {
		t.Errorf("End = %d, %v, want both sessions", n, err)
	}
	if _, err := k.End(t.Context(), session.Names{Provider: "p"}); err == nil {
		t.Error("End without a subject: no error")
	}
}

// Nothing of a login is readable in the store.
func TestStoreSeesNothing(t *testing.T) {
	store := memory.New(memory.Options{Now: clock})
	s := saved(t, keeper(t, store, ring("secret"), "a"), "alice")
	r, _, _ := store.Load(t.Context(), s.ID)
	if text := fmt.Sprintf("%+v", r); strings.Contains(text, "alice") || strings.Contains(text, "AccessToken") {
		t.Errorf("the store has %s", text)
	}
}

type sweeps struct {
	session.Store
	n chan int
}

func (s sweeps) Sweep(context.Context) (int, error) {
	s.n <- 1
	return 1, errDown
}
