package memo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func ofText(text string, ttl time.Duration) Entry[string] {
	return Entry[string]{Value: text, Bytes: len(text), TTL: ttl}
}

func TestTTL(t *testing.T) {
	for _, tt := range []struct {
		name       string
		ttl, after time.Duration
		want       bool
	}{
		{"fresh", time.Minute, time.Minute - 1, true},
		{"expired", time.Minute, time.Minute, false},
		{"not remembered", 0, 0, false},
		{"negative", -1, 0, false},
		{"forever", Forever, 1000 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(Options[int, string]{Entries: 10})
				m.Put(1, ofText("a", tt.ttl))
				time.Sleep(tt.after)
				if v, ok := m.Get(1); ok != tt.want || ok && v != "a" {
					t.Errorf("Get = %q, %v, want %v", v, ok, tt.want)
				}
			})
		})
	}
}

func TestBounds(t *testing.T) {
	for name, o := range map[string]Options[int, string]{"entries": {Entries: 10}, "bytes": {Bytes: 1000}} {
		var held atomic.Int64
		o.Dropped = func(int, string) { held.Add(-1) }
		m := New(o)
		for i := range 1000 {
			held.Add(1)
			m.Put(i, ofText(strings.Repeat("x", 100), Forever))
		}
		m.cache.Load().CleanUp()
		if n := held.Load(); n > 10 || n == 0 {
			t.Errorf("%s: %d values are remembered, want at most 10", name, n)
		}
		m.Clear()
		if n := held.Load(); n != 0 {
			t.Errorf("%s: %d values were not dropped", name, n)
		}
	}
}

// A hundred thousand pipelines have memories of their own, and most have nothing to remember.
func TestMemoryIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options[int, string]{Entries: 10})
		if m.cache.Load() != nil {
			t.Error("an empty memory has a cache")
		}
		m.Put(1, ofText("a", time.Minute))
		m.Put(2, ofText("b", 90*time.Second))
		time.Sleep(2*time.Minute + 1)
		synctest.Wait()
		if m.cache.Load() != nil || m.sweeper != nil {
			t.Error("everything is expired, and there still is a cache, or a timer")
		}
		m.Put(1, ofText("a", time.Minute))
		m.Put(2, ofText("b", Forever))
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, ok := m.Get(2); !ok || m.sweeper != nil {
			t.Errorf("Get(2) = %v, want true, and no timer for what never expires", ok)
		}
	})
}

func TestLoadsAreShared(t *testing.T) {
	for _, want := range []error{nil, errors.New("directory is down")} {
		synctest.Test(t, func(t *testing.T) {
			m := New(Options[int, string]{Entries: 10})
			loads, finish := 0, make(chan struct{})
			load := func(context.Context) (Entry[string], error) {
				loads++
				<-finish
				return ofText("answer", time.Minute), want
			}
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if got, err := m.Load(t.Context(), 1, load); got != "answer" || err != want {
						t.Errorf("Load = %q, %v, want answer, %v", got, err, want)
					}
				})
			}
			synctest.Wait()
			close(finish)
			wg.Wait()
			_, _ = m.Load(t.Context(), 1, load)
			wantLoads := 1
			if want != nil {
				wantLoads = 2 // errors are not remembered
			}
			if loads != wantLoads {
				t.Errorf("%d loads, want %d", loads, wantLoads)
			}
		})
	}
}

// Whoever waits gets an error, the process goes on, and the next caller has a load of its own.
func TestLoadThatDoesNotReturn(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func()
		want string
	}{
		{"panic", func() { panic("secret") }, "panic: string"},
		{"runtime error", func() { _ = []int{}[len(t.Name())] }, "index out of range"},
		{"exit", runtime.Goexit, "without an answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(Options[int, string]{Entries: 10})
				finish := make(chan struct{})
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						_, err := m.Load(t.Context(), 1, func(context.Context) (Entry[string], error) {
							<-finish
							tt.end()
							return Entry[string]{}, nil
						})
						if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
							t.Errorf("Load = %v, want %q", err, tt.want)
						}
					})
				}
				synctest.Wait()
				close(finish)
				wg.Wait()
				if v, err := m.Load(t.Context(), 1, func(context.Context) (Entry[string], error) { return ofText("a", 1), nil }); v != "a" {
					t.Errorf("the next Load = %q, %v, want a", v, err)
				}
			})
		})
	}
}

// A client that leaves must not take those along who came after it; when nobody is left, nobody works.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options[int, string]{Entries: 10})
		finish := make(chan struct{})
		loads, ended := 0, 0
		load := func(ctx context.Context) (Entry[string], error) {
			loads++
			select {
			case <-finish:
				return ofText("answer", time.Minute), nil
			case <-ctx.Done():
				ended++
				return Entry[string]{}, ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		left := func() {
			if _, err := m.Load(first, 1, load); !errors.Is(err, context.Canceled) {
				t.Errorf("Load of who left = %v, want canceled", err)
			}
		}
		wg.Go(left)
		synctest.Wait()
		wg.Go(func() {
			if v, err := m.Load(t.Context(), 1, load); v != "answer" || err != nil {
				t.Errorf("Load of who stayed = %q, %v, want answer", v, err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		close(finish)
		wg.Wait()
		if loads != 1 || ended != 0 {
			t.Errorf("%d loads, %d of them cancelled, want one that ended by itself", loads, ended)
		}

		m.Clear()
		finish = make(chan struct{})
		first, leave = context.WithCancel(t.Context())
		wg.Go(left)
		synctest.Wait()
		leave()
		wg.Wait()
		synctest.Wait()
		if ended != 1 || len(m.flights) != 0 {
			t.Errorf("all left, and %d loads are cancelled, %d under way, want 1 and 0", ended, len(m.flights))
		}
		left() // is gone before it asks
		if loads != 2 {
			t.Errorf("%d loads, want none for a client that is gone", loads)
		}
	})
}

// What was loaded under old keys is not remembered under new ones.
func TestForgetDuringALoad(t *testing.T) {
	for name, forget := range map[string]func(*Memory[int, string]){
		"forget": func(m *Memory[int, string]) { m.Forget(1) },
		"clear":  (*Memory[int, string]).Clear,
	} {
		synctest.Test(t, func(t *testing.T) {
			m := New(Options[int, string]{Entries: 10})
			finish := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				v, err := m.Load(t.Context(), 1, func(context.Context) (Entry[string], error) {
					<-finish
					return ofText("old", time.Minute), nil
				})
				if v != "old" || err != nil {
					t.Errorf("%s: Load = %q, %v, want old", name, v, err)
				}
			})
			synctest.Wait()
			forget(m)
			v, err := m.Load(t.Context(), 1, func(context.Context) (Entry[string], error) { return ofText("new", time.Minute), nil })
			if v != "new" || err != nil {
				t.Errorf("%s: Load = %q, %v, want new", name, v, err)
			}
			close(finish)
			wg.Wait()
			if v, _ := m.Get(1); v != "new" {
				t.Errorf("%s: Get = %q, want new", name, v)
			}
		})
	}
}

func TestAtOnce(t *testing.T) {
	m := New(Options[int, int]{Entries: 64})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				key := (g + i) % 100
				v, err := m.Load(t.Context(), key, func(context.Context) (Entry[int], error) {
					return Entry[int]{Value: key, TTL: time.Hour}, nil
				})
				if v != key || err != nil {
					t.Errorf("Load(%d) = %d, %v", key, v, err)
				}
				if i%50 == 0 {
					m.Clear()
				}
			}
		})
	}
	wg.Wait()
}

func TestHitAllocatesNothing(t *testing.T) {
	m := New(Options[[32]byte, *int]{Entries: 10})
	m.Put([32]byte{1}, Entry[*int]{Value: new(int), TTL: time.Hour})
	if n := testing.AllocsPerRun(1000, func() { m.Get([32]byte{1}) }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

func BenchmarkGet(b *testing.B) {
	for name, ttl := range map[string]time.Duration{"ttl": time.Hour, "forever": Forever} {
		b.Run(name, func(b *testing.B) {
			m := New(Options[[32]byte, *int]{Entries: 10})
			m.Put([32]byte{1}, Entry[*int]{Value: new(int), TTL: ttl})
			b.ReportAllocs()
			for b.Loop() {
				m.Get([32]byte{1})
			}
		})
	}
}

func ExampleMemory() {
	m := New(Options[string, string]{Entries: 1000})
	find := func(ctx context.Context, user string) (string, error) {
		if v, ok := m.Get(user); ok {
			return v, nil
		}
		return m.Load(ctx, user, func(context.Context) (Entry[string], error) {
			fmt.Println("asking for", user)
			return Entry[string]{Value: "group of " + user, TTL: time.Minute}, nil
		})
	}
	for range 2 {
		fmt.Println(find(context.Background(), "alice"))
	}
	// Output:
	// asking for alice
	// group of alice <nil>
	// group of alice <nil>
}
