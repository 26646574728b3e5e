package credential

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Whatever their lengths, two credentials have two MACs, and one has the same each time.
func TestMAC(t *testing.T) {
	k := NewKey()
	seen := map[MAC]string{}
	for _, user := range []string{"", "a", "alice", strings.Repeat("x", 200)} {
		for _, password := range []string{"", "a", ":", "a:", "password", strings.Repeat("x", 1000)} {
			m := k.MAC(user, password)
			if other, taken := seen[m]; taken {
				t.Errorf("%s and %s:%s have the same MAC", other, user, password)
			}
			seen[m] = user + ":" + password
			if k.MAC(user, password) != m {
				t.Errorf("two MACs of %s:%s", user, password)
			}
		}
	}
}

// A MAC of one process, or of one plugin in it, tells another nothing.
func TestKeysDiffer(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a.MAC("alice", "password") == b.MAC("alice", "password") {
		t.Error("two keys make the same MAC")
	}
}

// Twenty requests with one password cost one check, and each gets its answer or its error.
func TestChecksAreShared(t *testing.T) {
	for _, want := range []error{nil, errors.New("directory is down")} {
		synctest.Test(t, func(t *testing.T) {
			var c Checks[string]
			made, finish := 0, make(chan struct{})
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					got, err := c.Do(t.Context(), MAC{1}, func() (string, error) {
						made++
						<-finish
						return "answer", want
					})
					if got != "answer" || err != want {
						t.Errorf("Do = %q, %v, want answer, %v", got, err, want)
					}
				})
			}
			synctest.Wait()
			close(finish)
			wg.Wait()
			if made != 1 {
				t.Errorf("made %d checks, want 1", made)
			}
		})
	}
}

// A client that leaves must not take those along who happened to come after it.
func TestAnotherTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Checks[bool]
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Do(first, MAC{1}, func() (bool, error) {
				<-first.Done()
				return false, first.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Do of who left = %v, want canceled", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if ok, err := c.Do(t.Context(), MAC{1}, func() (bool, error) { return true, nil }); !ok || err != nil {
				t.Errorf("Do of who stayed = %v, %v, want true", ok, err)
			}
		})
		synctest.Wait()
		leave()
		wg.Wait()
	})
}

// The pipeline recovers from panics of a request's own goroutine alone.
func TestPanicReachesTheCaller(t *testing.T) {
	var c Checks[bool]
	defer func() {
		if v := recover(); v != "boom" {
			t.Errorf("recovered %v, want boom", v)
		}
	}()
	ok, err := c.Do(t.Context(), MAC{1}, func() (bool, error) { panic("boom") })
	t.Errorf("Do = %v, %v, want a panic", ok, err)
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	var c Checks[bool]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ok, err := c.Do(ctx, MAC{1}, func() (bool, error) {
		t.Error("checked for a client that is gone")
		return true, nil
	})
	if ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Do = %v, %v, want canceled", ok, err)
	}
}
