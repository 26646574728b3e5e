package sandbox

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// hold takes a place and gives it back when the returned function is called.
func hold(t *testing.T, p *places, of any) (done func()) {
	t.Helper()
	if err := p.take(t.Context(), of, time.Second); err != nil {
		t.Fatalf("take(%v) = %v", of, err)
	}
	return func() { p.give(of) }
}

// ATTACKS 70: those who send one token's slow rule have never all VMs, and a VM that becomes free goes to whoever has the
// fewest evaluations, not to who asked for the most.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(3, 2)
		var release []func()
		for range 2 {
			release = append(release, hold(t, p, "slow"))
		}
		served := make(chan string, 20)
		wait := func(of string) {
			go func() {
				if err := p.take(t.Context(), of, time.Minute); err != nil {
					of = err.Error()
				}
				served <- of
			}()
			synctest.Wait()
		}
		for range 10 {
			wait("slow")
		}
		if len(served) != 0 {
			t.Fatal("one owner has more than its share")
		}
		hold(t, p, "other")() // there is always a place for somebody else
		third := hold(t, p, "other")
		wait("quick")
		wait("quick")
		wait("late")
		for _, want := range []string{"late", "quick", "quick", "slow"} {
			release[0]()
			synctest.Wait()
			if got := <-served; got != want {
				t.Errorf("the place went to %s, want %s", got, want)
			}
			release = append(release[1:], func() { p.give(want) })
		}
		third()
		for n := 9; n > 0; n-- {
			release[0]()
			synctest.Wait()
			if got := <-served; got != "slow" {
				t.Errorf("the place went to %s, want slow", got)
			}
			release = append(release[1:], func() { p.give("slow") })
		}
	})
}

func TestPlacesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 1)
		done := hold(t, p, "a")
		if err := p.take(t.Context(), "b", time.Second); !errors.Is(err, errBusy) {
			t.Errorf("take = %v, want %v", err, errBusy)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- p.take(ctx, "b", time.Minute) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("take = %v, want %v", err, context.Canceled)
		}
		for range maxWaiting {
			go func() { _ = p.take(t.Context(), "a", time.Second) }()
		}
		synctest.Wait()
		if err := p.take(t.Context(), "a", time.Second); !errors.Is(err, errBusy) {
			t.Errorf("take with %d waiting = %v, want %v at once", maxWaiting, err, errBusy)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		done()
		if p.free != 1 || len(p.owners) != 0 {
			t.Errorf("%d free, %d owners, want 1 and 0", p.free, len(p.owners))
		}
	})
}

// ATTACKS 71: evaluations that keep all VMs busy do not keep a query from being compiled, and what does keep it from that
// is an error of the moment; what is wrong with the query itself is not.
func TestCompileUnderLoad(t *testing.T) {
	s := New(Options{Limits: Limits{Time: time.Second}, VMs: 2})
	defer s.Close()
	q, err := s.JS().Compile(`for (;;);`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for _, owner := range []string{"a", "b"} {
		go func() {
			_, _ = q.(query.Owned).For(owner).Eval(ctx, nil)
			done <- struct{}{}
		}()
	}
	for s.pools[script].busy() < 2 {
		runtime.Gosched()
	}
	if _, err := s.JS().Compile(`return 1`); err != nil {
		t.Errorf("Compile with all VMs busy = %v", err)
	}
	if _, err := s.JS().Compile(`return (`); err == nil || errors.Is(err, query.ErrMoment) {
		t.Errorf("Compile of a broken query = %v, want an error that is not of the moment", err)
	}
	cancel()
	<-done
	<-done

	giveBack := hold(t, s.compilers[script].places, nil)
	s.compilers[script].options.Limits.Time = time.Millisecond
	if _, err := s.JS().Compile(`return 1`); !errors.Is(err, query.ErrMoment) {
		t.Errorf("Compile with the compiler busy = %v, want %v", err, query.ErrMoment)
	}
	giveBack()
}
