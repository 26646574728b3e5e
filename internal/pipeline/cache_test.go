package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/stores"
)

// opener opens claims as they are, in EAS's lenient way, and counts.
type opener struct {
	opened atomic.Int64
	closed atomic.Bool
	format configtoken.Format // EAS by default
}

func (o *opener) Open(text string) (configtoken.Token, error) {
	o.opened.Add(1)
	text = strings.TrimSpace(text)
	if o.closed.Load() || !strings.HasPrefix(text, "{") {
		return configtoken.Token{}, configtoken.ErrUnreadable
	}
	var c struct {
		JTI string `json:"jti"`
		Exp int64  `json:"exp"`
		EAS configtoken.Pointer
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return configtoken.Token{}, configtoken.ErrUnreadable
	}
	return configtoken.Token{Format: o.format, Claims: json.RawMessage(text), ID: c.JTI, Expires: c.Exp, Pointer: c.EAS}, nil
}

type fakeStore struct {
	mu     sync.Mutex
	tokens map[string]string
	err    error
}

func (s *fakeStore) Lookup(_ context.Context, id string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.tokens[id]
	return text, ok && s.err == nil, s.err
}
func (*fakeStore) Ready(context.Context) error { return nil }
func (*fakeStore) Close() error                { return nil }

type closing struct{ closed *atomic.Int64 }

func (closing) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	return plugins.Result{Verdict: plugins.Allow}, nil
}
func (c closing) Close() error { c.closed.Add(1); return nil }

type world struct {
	*Cache
	opener  *opener
	store   *fakeStore
	now     time.Time
	revoked map[string]bool
	built   atomic.Int64
	closed  atomic.Int64
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{opener: &opener{format: configtoken.EAS}, store: &fakeStore{tokens: map[string]string{}}, now: plugintest.Now, revoked: map[string]bool{}}
	c := compiler(t)
	c.Plugins["closing"] = plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) {
		w.built.Add(1)
		return closing{&w.closed}, nil
	})
	cfg := Config{
		Compiler: c, URL: w.opener, Stored: w.opener,
		Store:   func(id string) (stores.Store, bool) { return w.store, id == "main" },
		Revoked: func(jti string) bool { return w.revoked[jti] },
		Log:     slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
	}
	if change != nil {
		change(&cfg)
	}
	w.Cache = NewCache(cfg)
	return w
}

const closingToken = `{"eas":{"plugins":[{"type":"closing"}]}}`

func pointerTo(id string) string {
	return `{"jti":"pointer","eas":{"config_token_store_id":"main","config_token_id":"` + id + `"}}`
}

func (w *world) get(t *testing.T, ref Reference) error {
	t.Helper()
	p, err := w.Pipeline(t.Context(), ref)
	defer p.Release()
	if (p == nil) == (err == nil) {
		t.Fatalf("Pipeline = %v, %v", p, err)
	}
	return err
}

// What has been compiled and cached is still checked on every request (ATTACKS 38).
func TestCacheChecksEveryTime(t *testing.T) {
	expiring := fmt.Sprintf(`{"jti":"j1","exp":%d,"eas":{"plugins":[{"type":"noop"}]}}`, plugintest.Now.Unix()+60)
	for name, ref := range map[string]Reference{
		"in the URL":           {Token: expiring},
		"through a pointer":    {Token: pointerTo("t")},
		"through a parameters": {Pointer: configtoken.Pointer{StoreID: "main", TokenID: "t"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.store.tokens["t"] = expiring
			if err := w.get(t, ref); err != nil {
				t.Fatal(err)
			}
			w.revoked["j1"] = true
			if err := w.get(t, ref); !errors.Is(err, errRevoked) {
				t.Errorf("revoked: %v, want errRevoked", err)
			}
			w.revoked["j1"] = false
			if err := w.get(t, ref); err != nil {
				t.Errorf("no longer revoked: %v", err)
			}
			w.now = w.now.Add(time.Minute)
			if err := w.get(t, ref); !errors.Is(err, configtoken.ErrExpired) {
				t.Errorf("at exp: %v, want ErrExpired", err)
			}
		})
	}
	t.Run("the pointer itself", func(t *testing.T) {
		w := newWorld(t, nil)
		w.store.tokens["t"] = closingToken
		w.revoked["pointer"] = true
		if err := w.get(t, Reference{Token: pointerTo("t")}); !errors.Is(err, errRevoked) {
			t.Errorf("revoked pointer: %v, want errRevoked", err)
		}
	})
}

func TestCacheFailures(t *testing.T) {
	w := newWorld(t, nil)
	w.store.tokens["pointer"] = pointerTo("t")
	tests := []struct {
		name string
		ref  Reference
		want error
	}{
		{"nothing", Reference{}, errNoToken},
		{"half a pointer", Reference{Pointer: configtoken.Pointer{StoreID: "main"}}, errNoToken},
		{"garbage", Reference{Token: "garbage"}, configtoken.ErrUnreadable},
		{"no such store", Reference{Pointer: configtoken.Pointer{StoreID: "x", TokenID: "t"}}, errUnknownStore},
		{"no such token", Reference{Pointer: configtoken.Pointer{StoreID: "main", TokenID: "t"}}, errUnknownToken},
		{"pointer to a pointer", Reference{Pointer: configtoken.Pointer{StoreID: "main", TokenID: "pointer"}}, errPointerToPointer},
	}
	for _, tt := range tests {
		if err := w.get(t, tt.ref); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	w.store.err = errors.New("down")
	if err := w.get(t, Reference{Pointer: configtoken.Pointer{StoreID: "main", TokenID: "t"}}); err == nil || !strings.Contains(err.Error(), "down") {
		t.Errorf("store down: %v", err)
	}
}

// One EAS token has endless spellings: they must share the passwords, pools and key sets of one pipeline.
func TestCacheSpellings(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 5 {
		if err := w.get(t, Reference{Token: closingToken + strings.Repeat(" ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.built.Load(); got != 1 {
		t.Errorf("compiled %d times, want once", got)
	}
}

// With cache_ttl 0 each request asks the store, and what it returns is compiled once.
func TestCacheStoreDecidesWhichText(t *testing.T) {
	w := newWorld(t, nil)
	ref := Reference{Pointer: configtoken.Pointer{StoreID: "main", TokenID: "t"}}
	w.store.tokens["t"] = closingToken
	for range 3 {
		if err := w.get(t, ref); err != nil {
			t.Fatal(err)
		}
	}
	w.store.tokens["t"] = `{"eas":{"plugins":[{"type":"closing"},{"type":"noop"}]}}`
	if err := w.get(t, ref); err != nil {
		t.Fatal(err)
	}
	if opened, built := w.opener.opened.Load(), w.built.Load(); opened != 2 || built != 2 {
		t.Errorf("opened %d times and built %d, want 2 and 2", opened, built)
	}
}

// After a reload of the keys, what was sealed under a key that is gone must not open any more.
func TestForget(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.get(t, Reference{Token: closingToken}); err != nil {
		t.Fatal(err)
	}
	w.Forget()
	if err := w.get(t, Reference{Token: closingToken}); err != nil || w.built.Load() != 1 {
		t.Errorf("after a reload: %v, built %d times, want nil and the same pipeline", err, w.built.Load())
	}
	w.opener.closed.Store(true)
	w.Forget()
	if err := w.get(t, Reference{Token: closingToken}); !errors.Is(err, configtoken.ErrUnreadable) {
		t.Errorf("after the key is gone: %v, want ErrUnreadable", err)
	}
}

func TestConcurrentMissesCompileOnce(t *testing.T) {
	w := newWorld(t, nil)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := w.Pipeline(context.Background(), Reference{Token: closingToken}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.opener.opened.Load(); got != 1 {
		t.Errorf("opened %d times, want once", got)
	}
}

// What is remembered is found without work for the garbage collector.
func TestHitAllocatesNothing(t *testing.T) {
	for name, token := range map[string]string{
		"holds nothing": `{"eas":{"plugins":[{"type":"noop"}]}}`,
		"is counted":    closingToken,
	} {
		w := newWorld(t, nil)
		ref, ctx := Reference{Token: token}, t.Context()
		use := func() {
			p, err := w.Pipeline(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			p.Release()
		}
		use()
		if n := testing.AllocsPerRun(100, use); n != 0 {
			t.Errorf("%s: a hit allocates %v times, want none", name, n)
		}
	}
}

// An evicted pipeline is closed, but not under the feet of a request, a page or a connection that is using it.
func TestEvictionCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.PipelineBytes = 20_000 })
		all := func() (held []*Pipeline) {
			for i := range 100 {
				p, err := w.Pipeline(t.Context(), Reference{Token: fmt.Sprintf(`{"n":%d,"eas":{"plugins":[{"type":"closing"}]}}`, i)})
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, p)
			}
			return held
		}
		held := all()
		time.Sleep(time.Hour)
		if got := w.closed.Load(); got != 0 {
			t.Errorf("%d closed that are in use", got)
		}
		for _, p := range held {
			p.Release()
		}
		synctest.Wait()
		if got := w.closed.Load(); got < 50 || got == 100 {
			t.Errorf("%d of 100 closed with room for about 20", got)
		}
		// An evicted one works when it is asked for again.
		for _, p := range all() {
			p.Release()
		}
		w.Close()
		if w.closed.Load() != w.built.Load() {
			t.Errorf("%d built, %d closed", w.built.Load(), w.closed.Load())
		}
	})
}

// numbered is a plugin that knows whose it is, and whether it is closed.
type numbered struct {
	n             int
	closed        atomic.Bool
	closings      *atomic.Int64
	closedAlready *atomic.Int64
}

func (*numbered) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	return plugins.Result{Verdict: plugins.Allow}, nil
}

func (n *numbered) Close() error {
	n.closings.Add(1)
	if n.closed.Swap(true) {
		n.closedAlready.Add(1)
	}
	return nil
}

// However little a cache keeps, and however often the keys change, everybody gets the pipeline of his own token, open,
// and each is closed once.
func TestEvictionUnderLoad(t *testing.T) {
	for _, bytes := range []int{300, 3000, 40_000} {
		var built, closings, twice atomic.Int64
		w := newWorld(t, func(c *Config) {
			c.PipelineBytes, c.TextBytes = bytes, bytes
			c.Compiler.Plugins["numbered"] = plugins.Of(func(c struct {
				N int `json:"n"`
			}, _ plugins.Env) (plugins.Plugin, error) {
				built.Add(1)
				return &numbered{n: c.N, closings: &closings, closedAlready: &twice}, nil
			})
		})
		var wg sync.WaitGroup
		for g := range 6 {
			wg.Go(func() {
				for i := range 600 {
					n := i * (g + 1) % 30
					token := fmt.Sprintf(`{"n":%d,"eas":{"plugins":[{"type":"numbered","n":%d}]}}`, n, n) + strings.Repeat(" ", i%3)
					p, err := w.Pipeline(context.Background(), Reference{Token: token})
					if err != nil {
						t.Error(err)
						return
					}
					if x := p.steps[0].plugin.(*numbered); x.n != n || x.closed.Load() {
						t.Errorf("pipeline of %d, closed: %v, want that of %d", x.n, x.closed.Load(), n)
					}
					p.Release()
					if i%50 == 0 {
						w.Forget()
					}
				}
			})
		}
		wg.Wait()
		w.Close()
		if built.Load() != closings.Load() || twice.Load() != 0 {
			t.Errorf("%d bytes: %d built, %d closed, %d of them again", bytes, built.Load(), closings.Load(), twice.Load())
		}
	}
}

type constant struct {
	v   query.Value
	err error
}

func (c constant) Eval(context.Context, query.Value) (query.Value, error) { return c.v, c.err }

func TestSelector(t *testing.T) {
	r := plugintest.Request{}.Build()
	tests := []struct {
		name string
		v    query.Value
		err  error
		want string
		ok   bool
	}{
		{"text", "id", nil, "id", true},
		{"number", 5.0, nil, "5", true},
		{"list of one", []any{"id"}, nil, "id", true},
		{"list of two", []any{"a", "b"}, nil, "", false},
		{"empty list", []any{}, nil, "", false},
		{"object", &query.Object{}, nil, "", false},
		{"null", nil, nil, "", false},
		{"true", true, nil, "", false},
		{"undefined", query.Undefined{}, nil, "", false},
		{"error", nil, errors.New("loop"), "", false},
	}
	for _, tt := range tests {
		s := Selector{Queries: &Queries{TokenID: constant{tt.v, tt.err}}, Reference: Reference{Pointer: configtoken.Pointer{StoreID: "main"}}}
		ref, err := s.Resolve(t.Context(), r)
		if (err == nil) != tt.ok || ref.Pointer.TokenID != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, ref.Pointer.TokenID, err, tt.want)
		}
	}
}
