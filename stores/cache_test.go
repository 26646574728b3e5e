package stores_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/storetest"
)

// fake is a store whose answers a test chooses. It counts the questions.
type fake struct {
	mu     sync.Mutex
	tokens map[string]string
	err    error
	hold   chan struct{} // lookups wait for it to close
	asked  atomic.Int64
}

func (f *fake) Lookup(ctx context.Context, id string) (string, bool, error) {
	f.asked.Add(1)
	f.mu.Lock()
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return "", false, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	sealed, ok := f.tokens[id]
	if f.err != nil {
		return "", false, f.err
	}
	return sealed, ok, ctx.Err()
}

func (f *fake) set(do func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do(f)
}

func (f *fake) Ready(context.Context) error { return f.err }
func (f *fake) Close() error                { return nil }

type clock struct{ at atomic.Int64 }

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time                { return epoch.Add(time.Duration(c.at.Load())) }
func (c *clock) advance(d time.Duration)       { c.at.Add(int64(d)) }
func seconds(d time.Duration) stores.Seconds   { return stores.Seconds(d) }
func quiet() *slog.Logger                      { return slog.New(slog.DiscardHandler) }
func (c *clock) env(l *slog.Logger) stores.Env { return stores.Env{Log: l, Now: c.now} }

func TestCachePassesTheContract(t *testing.T) {
	for name, o := range map[string]stores.CacheOptions{
		"ttl":       {TTL: seconds(time.Minute)},
		"stale":     {StaleIfError: seconds(time.Minute)},
		"ttl+stale": {TTL: seconds(time.Second), StaleIfError: seconds(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, tokens map[string]string) stores.Store {
				return stores.NewCache(&fake{tokens: tokens}, o, stores.Env{Log: quiet(), Now: time.Now})
			})
		})
	}
}

// Each step advances the clock, changes the store, looks "a" up and counts the questions that reached the store.
func TestCache(t *testing.T) {
	type step struct {
		name  string
		after time.Duration
		token string // "" for unknown
		down  bool
		want  string // "" for unknown, "!" for an error
		asks  int64
	}
	tests := []struct {
		name  string
		o     stores.CacheOptions
		steps []step
	}{
		{"no cache", stores.CacheOptions{}, []step{
			{"first", 0, "A", false, "A", 1},
			{"every request asks", 0, "B", false, "B", 1},
			{"absence too", 0, "", false, "", 1},
			{"and is not remembered", 0, "C", false, "C", 1},
			{"down", 0, "C", true, "!", 1},
		}},
		{"ttl", stores.CacheOptions{TTL: seconds(time.Minute)}, []step{
			{"first", 0, "A", false, "A", 1},
			{"remembered", 59 * time.Second, "B", false, "A", 0},
			{"revoked", time.Second, "", false, "", 1},
			{"absence is remembered", 900 * time.Millisecond, "C", false, "", 0},
			{"for a second", 100 * time.Millisecond, "C", false, "C", 1},
			{"down, and remembered", 59 * time.Second, "C", true, "C", 0},
			{"down, and forgotten", time.Second, "C", true, "!", 1},
			{"errors are not remembered", 0, "D", false, "D", 1},
		}},
		{"stale_if_error", stores.CacheOptions{TTL: seconds(time.Minute), StaleIfError: seconds(time.Hour)}, []step{
			{"first", 0, "A", false, "A", 1},
			{"down after the ttl", 2 * time.Minute, "A", true, "A", 1},
			{"asks once a second", 900 * time.Millisecond, "A", true, "A", 0},
			{"again", 200 * time.Millisecond, "A", true, "A", 1},
			{"up: what changed meanwhile counts", time.Second, "B", false, "B", 1},
			{"down for too long", 61 * time.Minute, "B", true, "!", 1},
		}},
		{"stale_if_error never hides a revocation", stores.CacheOptions{TTL: seconds(time.Second), StaleIfError: seconds(time.Hour)}, []step{
			{"first", 0, "A", false, "A", 1},
			{"revoked", time.Second, "", false, "", 1},
			{"down", 2 * time.Second, "", true, "!", 1},
		}},
		{"stale_if_error without ttl", stores.CacheOptions{StaleIfError: seconds(time.Minute)}, []step{
			{"first", 0, "A", false, "A", 1},
			{"every request asks", 0, "B", false, "B", 1},
			{"down", 59 * time.Second, "B", true, "B", 1},
			{"down for too long", time.Second, "B", true, "!", 1},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c clock
			f := &fake{}
			s := stores.NewCache(f, tt.o, c.env(quiet()))
			for _, st := range tt.steps {
				c.advance(st.after)
				f.set(func(f *fake) {
					f.tokens, f.err = map[string]string{}, nil
					if st.token != "" {
						f.tokens["a"] = st.token
					}
					if st.down {
						f.err = errors.New("down")
					}
				})
				before := f.asked.Load()
				got, ok, err := s.Lookup(t.Context(), "a")
				if err != nil {
					got = "!"
				}
				if got != st.want || ok != (st.want != "" && st.want != "!") || f.asked.Load()-before != st.asks {
					t.Errorf("%s: Lookup = %q, %v, %v after %d questions, want %q after %d", st.name, got, ok, err, f.asked.Load()-before, st.want, st.asks)
				}
			}
		})
	}
}

// Without a TTL lookups run side by side; a slow one that began before a revocation must not bring the token back for the
// time of an outage (ATTACKS 80).
func TestStaleIfErrorAfterASlowLookup(t *testing.T) {
	var c clock
	f := &fake{tokens: map[string]string{"a": "A"}}
	slow := &slowFirst{fake: f, answered: make(chan struct{}), release: make(chan struct{})}
	s := stores.NewCache(slow, stores.CacheOptions{StaleIfError: seconds(time.Hour)}, c.env(quiet()))
	done := make(chan string)
	go func() {
		got, _, _ := s.Lookup(t.Context(), "a")
		done <- got
	}()
	<-slow.answered
	f.set(func(f *fake) { f.tokens = nil })
	c.advance(time.Millisecond)
	if _, ok, err := s.Lookup(t.Context(), "a"); ok || err != nil {
		t.Fatalf("Lookup of a revoked token = %v, %v", ok, err)
	}
	close(slow.release)
	if got := <-done; got != "A" {
		t.Fatalf("the slow Lookup = %q, want what the store held when it was asked", got)
	}
	f.set(func(f *fake) { f.err = errors.New("down") })
	if got, ok, err := s.Lookup(t.Context(), "a"); ok || err == nil {
		t.Errorf("Lookup of a revoked token in an outage = %q, %v, %v, want an error", got, ok, err)
	}
}

// slowFirst keeps its first answer until it is released.
type slowFirst struct {
	*fake
	answered, release chan struct{}
	later             atomic.Bool
}

func (s *slowFirst) Lookup(ctx context.Context, id string) (string, bool, error) {
	sealed, ok, err := s.fake.Lookup(ctx, id)
	if !s.later.Swap(true) {
		close(s.answered)
		<-s.release
	}
	return sealed, ok, err
}

// A thousand requests after a restart must not become a thousand queries.
func TestCacheAsksOnceForMany(t *testing.T) {
	var c clock
	f := &fake{tokens: map[string]string{"a": "A"}, hold: make(chan struct{})}
	s := stores.NewCache(f, stores.CacheOptions{TTL: seconds(time.Minute)}, c.env(quiet()))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got, ok, err := s.Lookup(t.Context(), "a"); got != "A" || !ok || err != nil {
				t.Errorf("Lookup = %q, %v, %v", got, ok, err)
			}
		})
	}
	for f.asked.Load() == 0 {
		runtime.Gosched()
	}
	close(f.hold)
	wg.Wait()
	if n := f.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

func TestACallerWhoLeavesDoesNotTakeTheAnswerFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{tokens: map[string]string{"a": "A"}, hold: make(chan struct{})}
		s := stores.NewCache(f, stores.CacheOptions{TTL: seconds(time.Minute)}, stores.Env{Log: quiet(), Now: time.Now})
		ctx, leave := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan string, 1)
		go func() {
			_, _, err := s.Lookup(ctx, "a")
			first <- err
		}()
		synctest.Wait()
		go func() {
			got, _, err := s.Lookup(t.Context(), "a")
			second <- fmt.Sprint(got, err)
		}()
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first caller got %v, want context.Canceled", err)
		}
		close(f.hold)
		if got := <-second; got != "A<nil>" {
			t.Errorf("the second caller got %s", got)
		}
		if n := f.asked.Load(); n != 1 {
			t.Errorf("%d questions, want 1", n)
		}
	})
}

// An id that was absent and then found is found, however short the TTL: here a lookup of the time before it was stored
// ends between another one's look at the cache and its question to the store.
func TestFoundEndsAbsent(t *testing.T) {
	var c clock
	f := &fake{tokens: map[string]string{}, hold: make(chan struct{})}
	env := c.env(quiet())
	looked, ask := make(chan struct{}), make(chan struct{})
	env.Cached = func(bool) { looked <- struct{}{}; <-ask }
	s := stores.NewCache(f, stores.CacheOptions{TTL: seconds(100 * time.Millisecond)}, env)
	lookup := func() chan bool {
		found := make(chan bool, 1)
		go func() { _, ok, err := s.Lookup(t.Context(), "a"); found <- ok && err == nil }()
		<-looked
		return found
	}
	early := lookup()
	ask <- struct{}{}
	c.advance(50 * time.Millisecond)
	late := lookup()
	close(f.hold)
	if <-early {
		t.Fatal("Lookup of an id that is not stored: found")
	}
	f.set(func(f *fake) { f.tokens["a"], f.hold = "A", nil })
	close(ask)
	if !<-late {
		t.Error("Lookup after it was stored: absent")
	}
	c.advance(200 * time.Millisecond)
	if !<-lookup() {
		t.Error("Lookup after the TTL of the answer: absent again")
	}
}

// Callers who left leave no lookups behind that strangers could pile up.
func TestLookupsEndWithTheirCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		s := stores.NewCache(&fake{hold: make(chan struct{})}, stores.CacheOptions{TTL: seconds(time.Minute)}, stores.Env{Log: quiet(), Now: time.Now})
		for i := range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, ok, err := s.Lookup(ctx, fmt.Sprint(i)); ok || err == nil {
				t.Fatalf("Lookup = %v, %v", ok, err)
			}
			cancel()
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines, want %d", n, before)
		}
	})
}

func TestOutagesAreLoggedOnce(t *testing.T) {
	var c clock
	var log bytes.Buffer
	f := &fake{tokens: map[string]string{"a": "A"}}
	s := stores.NewCache(f, stores.CacheOptions{StaleIfError: seconds(time.Hour)}, c.env(slog.New(slog.NewTextHandler(&log, nil))))
	for i := range 12 {
		c.advance(2 * time.Second)
		f.set(func(f *fake) {
			if f.err = nil; i%6 > 1 {
				f.err = errors.New("down")
			}
		})
		if _, ok, err := s.Lookup(t.Context(), "a"); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if down, up := strings.Count(log.String(), "cannot answer"), strings.Count(log.String(), "answers again"); down != 2 || up != 1 {
		t.Errorf("logged %d outages and %d recoveries, want 2 and 1:\n%s", down, up, log.String())
	}
}

// always has a token for every id, as a table with a loose collation has for every spelling.
type always struct{ sealed string }

func (a always) Lookup(context.Context, string) (string, bool, error) {
	return strings.Clone(a.sealed), true, nil
}
func (a always) Ready(context.Context) error { return nil }
func (a always) Close() error                { return nil }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemory(t *testing.T) {
	var c clock
	const n = 100_000
	before := heap()
	s := stores.NewCache(always{strings.Repeat("x", 600)}, stores.CacheOptions{TTL: seconds(time.Hour)}, c.env(quiet()))
	for i := range n {
		if _, ok, err := s.Lookup(t.Context(), fmt.Sprintf("tenant-%06d", i)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	per := (heap() - before) / n
	t.Logf("%d bytes for each token of 600 bytes", per)
	if per > 900 {
		t.Errorf("%d bytes for each token of 600 bytes, want 900 at most", per)
	}
	runtime.KeepAlive(s)
}

func TestMemoryIsBounded(t *testing.T) {
	var c clock
	before := heap()
	s := stores.NewCache(always{strings.Repeat("x", 60_000)}, stores.CacheOptions{TTL: seconds(time.Hour)}, c.env(quiet()))
	for i := range 5000 { // 300 MB
		if _, ok, err := s.Lookup(t.Context(), fmt.Sprint(i)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if used := (heap() - before) >> 20; used > 160 {
		t.Errorf("%d MB in use, want about 128 at most", used)
	}
	runtime.KeepAlive(s)
}

// Tokens that nobody asks for any more make room for others.
func TestExpiredTokensAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := heap()
		s := stores.NewCache(always{strings.Repeat("x", 60_000)}, stores.CacheOptions{TTL: seconds(time.Minute)}, stores.Env{Log: quiet(), Now: time.Now})
		for i := range 1500 {
			if i == 1000 {
				time.Sleep(time.Minute)
			}
			if _, ok, err := s.Lookup(t.Context(), fmt.Sprint(i)); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		synctest.Wait()
		if used := (heap() - before) >> 20; used > 40 {
			t.Errorf("%d MB in use, want those of the 500 latest, 30", used)
		}
		runtime.KeepAlive(s)
	})
}

func BenchmarkCachedLookup(b *testing.B) {
	s := stores.NewCache(always{strings.Repeat("x", 600)}, stores.CacheOptions{TTL: seconds(time.Hour)}, stores.Env{Log: quiet(), Now: time.Now})
	ids := make([]string, 1024)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%06d", i)
		if _, _, err := s.Lookup(b.Context(), ids[i]); err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok, _ := s.Lookup(ctx, ids[i&1023]); !ok {
			b.Fatal("miss")
		}
	}
}
