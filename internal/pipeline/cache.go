package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/stores"
)

// Config is what a [Cache] needs.
type Config struct {
	Compiler *Compiler
	// URL opens config tokens that came with a verify URL, Stored those that came from a store.
	URL, Stored configtoken.Opener
	// Store finds a store by its id.
	Store func(id string) (stores.Store, bool)
	// Revoked reports whether a jti is revoked. It is asked on every request that has one.
	Revoked func(jti string) bool
	Log     *slog.Logger
	Now     func() time.Time
	// Grace is how long after its eviction a pipeline is closed: longer than any verification takes.
	Grace time.Duration
	// TextBytes and PipelineBytes bound the memory of the two caches, as estimated; 0 means 64 MiB and 80 MiB.
	TextBytes, PipelineBytes uint64
}

// A Cache leads from the text of a config token to its pipeline. It remembers two things: for each text, spelled as it
// came, what it opened to; and for each set of claims, the compiled pipeline. One EAS token has endless spellings, and
// all of them share one pipeline with its remembered passwords and pools. Both are bounded, for texts are strangers'.
type Cache struct {
	cfg       Config
	texts     *otter.Cache[textKey, *opened]
	pipelines *otter.Cache[pipelineKey, *shared]
	warned    *otter.Cache[pipelineKey, struct{}]
	// failed are compilations that failed for the moment, and are tried again after a pause.
	failed *otter.Cache[pipelineKey, failure]
	// opening counts how often the keys or the rules of opening changed; what was opened before does not count.
	opening atomic.Uint64
	counts  counts
	closing sync.WaitGroup
	// ended is closed by Close: nobody uses a pipeline any more.
	ended chan struct{}
}

// counts says how often each of the two caches was asked, and how often it had no answer.
type counts struct{ texts, textMisses, pipelines, pipelineMisses atomic.Uint64 }

// Counts returns how many texts, and how many sets of claims, were asked for, and for how many of them the work was done.
func (c *Cache) Counts() (texts, opened, pipelines, compiled uint64) {
	n := &c.counts
	// Misses first: they are never more than what was asked.
	opened, compiled = n.textMisses.Load(), n.pipelineMisses.Load()
	return n.texts.Load(), opened, n.pipelines.Load(), compiled
}

// textKey separates what a stranger may write from what a store holds: the two are opened by different rules.
type textKey struct {
	text   string
	stored bool
}

type pipelineKey [sha256.Size]byte

// opened is what a text opened to.
type opened struct {
	text string
	// shared is nil for a pointer.
	shared *shared
	// token is nil for one that has neither pointer nor jti nor exp nor nbf, as most. It has no Claims: the pipeline
	// keeps what it needs of them.
	token *configtoken.Token
	// opening is the count of the cache when this was opened.
	opening uint64
	err     error
	// until is when err is no longer remembered, 0 for never.
	until int64
}

// shared holds a pipeline that several texts may lead to, until it is evicted: whatever still remembers a text then
// keeps no pipeline in memory.
type shared struct {
	atomic.Pointer[Pipeline]
	weight uint32
}

// A Reference says which token a request is to be judged by: Token, or else a pointer into a store.
type Reference struct {
	Token   string
	Pointer configtoken.Pointer
	// Memo, if not nil, belongs to a caller that asks for the same one again and again.
	Memo *Memo
}

// A Memo saves looking up the same texts for every request: the token's of the verify URL, and the one that a store
// returned last. The zero value is empty; it is safe for concurrent use.
type Memo struct{ token, stored atomic.Pointer[opened] }

func (m *Memo) of(key textKey) *atomic.Pointer[opened] {
	if key.stored {
		return &m.stored
	}
	return &m.token
}

func (m *Memo) load(key textKey) *opened {
	if m == nil {
		return nil
	}
	if o := m.of(key).Load(); o != nil && o.text == key.text {
		return o
	}
	return nil
}

func (m *Memo) store(key textKey, o *opened) {
	if m != nil {
		m.of(key).Store(o)
	}
}

var (
	errNoToken          = errors.New("config token: none given")
	errUnknownStore     = errors.New("config token: no such store")
	errUnknownToken     = errors.New("config token: not in the store, or revoked there")
	errRevoked          = errors.New("config token: revoked")
	errPointerToPointer = errors.New("config token: a stored token is itself a pointer")
)

// NewCache returns an empty cache.
func NewCache(cfg Config) (*Cache, error) {
	if cfg.TextBytes == 0 {
		cfg.TextBytes = 64 << 20
	}
	if cfg.PipelineBytes == 0 {
		cfg.PipelineBytes = 80 << 20
	}
	c := &Cache{cfg: cfg, ended: make(chan struct{})}
	var err error
	if c.texts, err = otter.New(&otter.Options[textKey, *opened]{
		MaximumWeight: cfg.TextBytes,
		Weigher:       func(k textKey, _ *opened) uint32 { return uint32(len(k.text)) + 160 }, // at most 64 KB
	}); err != nil {
		return nil, err
	}
	if c.pipelines, err = otter.New(&otter.Options[pipelineKey, *shared]{
		MaximumWeight:    cfg.PipelineBytes,
		Weigher:          func(_ pipelineKey, s *shared) uint32 { return s.weight },
		OnAtomicDeletion: func(e otter.DeletionEvent[pipelineKey, *shared]) { c.close(e.Value) },
	}); err != nil {
		return nil, err
	}
	if c.failed, err = otter.New(&otter.Options[pipelineKey, failure]{MaximumSize: 10_000}); err != nil {
		return nil, err
	}
	c.warned, err = otter.New(&otter.Options[pipelineKey, struct{}]{MaximumSize: 10_000})
	return c, err
}

// close closes a pipeline once no verification can be using it any more.
func (c *Cache) close(s *shared) {
	p := s.Swap(nil)
	if p == nil || !p.holdsResources() {
		return
	}
	c.closing.Go(func() {
		grace := time.NewTimer(c.cfg.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-c.ended:
		}
		if err := p.Close(); err != nil {
			c.cfg.Log.Warn("closing an evicted pipeline", "error", err)
		}
	})
}

// Pipeline returns the pipeline that ref leads to. On every call, whatever is cached, the token and the pointer that led
// to it must be in force and not revoked.
func (c *Cache) Pipeline(ctx context.Context, ref Reference) (*Pipeline, error) {
	pointer := ref.Pointer
	if ref.Token != "" {
		o, p, err := c.open(ctx, textKey{text: ref.Token}, ref.Memo)
		if p != nil || err != nil {
			return p, err
		}
		pointer = o.token.Pointer
	}
	if pointer.StoreID == "" || pointer.TokenID == "" {
		return nil, errNoToken
	}
	store, ok := c.cfg.Store(pointer.StoreID)
	if !ok {
		return nil, errUnknownStore
	}
	sealed, ok, err := store.Lookup(ctx, pointer.TokenID)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !ok {
		return nil, errUnknownToken
	}
	_, p, err := c.open(ctx, textKey{text: sealed, stored: true}, ref.Memo)
	if p == nil && err == nil {
		return nil, errPointerToPointer
	}
	return p, err
}

// open returns what key opens to, if it is in force now, and the pipeline, which is nil for a pointer.
func (c *Cache) open(ctx context.Context, key textKey, memo *Memo) (*opened, *Pipeline, error) {
	c.counts.texts.Add(1)
	o := memo.load(key)
	p, ok := c.current(o)
	if !ok {
		var err error
		if o, p, err = c.find(ctx, key); err != nil {
			return nil, nil, err
		}
		memo.store(key, o)
	}
	if o.err != nil {
		return nil, nil, o.err
	}
	if o.token == nil {
		return o, p, nil
	}
	if o.token.Expires != 0 || o.token.NotBefore != 0 { // others need no clock
		if err := o.token.Check(c.cfg.Now()); err != nil {
			return nil, nil, err
		}
	}
	if o.token.ID != "" && c.cfg.Revoked(o.token.ID) {
		return nil, nil, errRevoked
	}
	return o, p, nil
}

// find finds or loads what key opens to.
func (c *Cache) find(ctx context.Context, key textKey) (o *opened, p *Pipeline, err error) {
	for {
		o, there := c.texts.GetIfPresent(key)
		if p, ok := c.current(o); ok {
			return o, p, nil
		}
		if there {
			c.texts.Invalidate(key)
		}
		// Loading is single flight, and it is computation only: the first caller's cancellation must not fail the others.
		o, err = c.texts.Get(context.WithoutCancel(ctx), key, otter.LoaderFunc[textKey, *opened](func(context.Context, textKey) (*opened, error) {
			var o *opened
			o, p = c.load(key)
			return o, nil
		}))
		if err != nil {
			return nil, nil, err
		}
		// A full cache may not have kept what was loaded, but whoever loaded it has it.
		if p != nil || o.shared == nil {
			return o, p, nil
		}
		if p = o.shared.Load(); p != nil {
			return o, p, nil
		}
	}
}

// current reports whether o was opened under the keys of now, its error, if it has one, is remembered still, and its
// pipeline, if it has one, is not evicted.
func (c *Cache) current(o *opened) (*Pipeline, bool) {
	if o == nil || o.opening != c.opening.Load() || o.until != 0 && c.cfg.Now().UnixNano() >= o.until {
		return nil, false
	}
	if o.shared == nil {
		return nil, true
	}
	p := o.shared.Load()
	return p, p != nil
}

// load opens and compiles. What cannot be opened is remembered too, as any text is; what could not be compiled for the
// moment is tried again after a pause.
func (c *Cache) load(key textKey) (*opened, *Pipeline) {
	c.counts.textMisses.Add(1)
	opener := c.cfg.URL
	if key.stored {
		opener = c.cfg.Stored
	}
	// Counted before opening: what a change overtakes is opened again at its next use.
	o := &opened{text: key.text, opening: c.opening.Load()}
	token, err := opener.Open(key.text)
	if err != nil {
		o.err = err
		return o, nil
	}
	var p *Pipeline
	if token.Pointer == (configtoken.Pointer{}) {
		if o.shared, p, o.err = c.compile(&token); o.err != nil {
			if f, ok := c.failed.GetIfPresent(keyOf(&token)); ok {
				o.until = f.until.UnixNano()
			}
		}
	}
	if token.Pointer != (configtoken.Pointer{}) || token.ID != "" || token.Expires != 0 || token.NotBefore != 0 {
		token.Claims = nil
		o.token = &token
	}
	return o, p
}

func (c *Cache) compile(token *configtoken.Token) (s *shared, p *Pipeline, err error) {
	key := keyOf(token)
	c.counts.pipelines.Add(1)
	load := func(context.Context, pipelineKey) (*shared, error) {
		c.counts.pipelineMisses.Add(1)
		compiled, warnings, err := c.attempt(key, token)
		if again(err) {
			return nil, err
		}
		if _, told := c.warned.GetIfPresent(key); !told && (len(warnings) > 0 || err != nil) {
			c.warned.Set(key, struct{}{})
			c.warn(token, warnings, err)
		}
		if err != nil {
			return nil, err
		}
		p = compiled
		s := &shared{weight: p.weight(len(token.Claims))}
		s.Store(p)
		return s, nil
	}
	for p == nil {
		if s, err = c.pipelines.Get(context.Background(), key, otter.LoaderFunc[pipelineKey, *shared](load)); err != nil {
			return nil, nil, err
		}
		if p == nil {
			p = s.Load() // nil if it is somebody else's and was evicted since
		}
	}
	return s, p, nil
}

// attempt compiles token, once more after a pause if that fails for the moment, and not at all while the pause lasts that a
// failure before this one asked for.
func (c *Cache) attempt(key pipelineKey, token *configtoken.Token) (p *Pipeline, warnings []error, err error) {
	last, _ := c.failed.GetIfPresent(key)
	if c.cfg.Now().Before(last.until) {
		return nil, nil, last.err
	}
	err = query.Again(func() (err error) {
		p, warnings, err = c.cfg.Compiler.Compile(token)
		return err
	})
	if !again(err) {
		c.failed.Invalidate(key)
		return p, warnings, err
	}
	pause := min(max(2*last.pause, firstPause), longestPause)
	c.failed.Set(key, failure{err, pause, c.cfg.Now().Add(pause)})
	c.cfg.Log.Warn("config token cannot be compiled at the moment", "jti", token.ID, "error", err, "again_in", pause)
	return nil, nil, err
}

func (c *Cache) warn(token *configtoken.Token, warnings []error, err error) {
	log := c.cfg.Log.With("jti", token.ID)
	if err != nil {
		log.Error("config token cannot be used", "error", err)
	}
	for _, w := range warnings {
		log.Warn("config token", "warning", w)
	}
}

// keyOf identifies what a token means: how it was sealed decides how it is read.
func keyOf(token *configtoken.Token) pipelineKey {
	h := sha256.New()
	h.Write([]byte{byte(token.Format)})
	h.Write(token.Claims)
	return pipelineKey(h.Sum(nil))
}

// Forget drops everything that was opened, after the keys or the rules of opening changed. Pipelines stay: a text that
// still opens finds its own again.
func (c *Cache) Forget() {
	c.opening.Add(1)
	c.texts.InvalidateAll()
}

// Close closes all pipelines, those evicted lately too, and waits for them. The cache is not used after it.
func (c *Cache) Close() {
	c.texts.InvalidateAll()
	close(c.ended)
	c.pipelines.InvalidateAll()
	c.pipelines.CleanUp()
	c.closing.Wait()
}
