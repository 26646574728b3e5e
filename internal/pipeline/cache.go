package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/memo"
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
	// TextBytes and PipelineBytes bound the memory of the two caches, as estimated; 0 means 64 MiB and 80 MiB.
	TextBytes, PipelineBytes int
}

// A Cache leads from the text of a config token to its pipeline. It remembers two things: for each text, spelled as it
// came, what it opened to; and for each set of claims, the compiled pipeline. One EAS token has endless spellings, and
// all of them share one pipeline with its remembered passwords and pools. Both are bounded, for texts are strangers'.
type Cache struct {
	cfg       Config
	texts     *memo.Memory[textKey, *openedText]
	pipelines *memo.Memory[pipelineKey, *slot]
	warned    *memo.Memory[pipelineKey, struct{}]
	// failed are compilations that failed for the moment, and are tried again after a pause.
	failed  *memo.Memory[pipelineKey, failure]
	counts  counts
	closing sync.WaitGroup
}

// counts says how often each of the two caches was asked, and how often it had no answer.
type counts struct{ texts, textMisses, pipelines, pipelineMisses atomic.Uint64 }

// Counts returns how many texts, and how many sets of claims, were asked for, and for how many of them the work was
// done.
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

// openedText is what a text opened to.
type openedText struct {
	// slot is nil for a pointer.
	slot *slot
	// token is nil for one that has neither pointer nor jti nor exp nor nbf, as most. It has no Claims: the pipeline
	// keeps what it needs of them.
	token *configtoken.Token
	err   error
}

// A slot holds a pipeline that several texts may lead to, until it is evicted: whatever still remembers a text then
// keeps no pipeline in memory.
type slot struct{ atomic.Pointer[Pipeline] }

// hold returns the pipeline for one more user, nil if it was evicted.
func (s *slot) hold() *Pipeline {
	if p := s.Load(); p != nil && p.hold() {
		return p
	}
	return nil
}

// A Reference says which token a request is to be judged by: Token, or else a pointer into a store.
type Reference struct {
	Token   string
	Pointer configtoken.Pointer
}

var (
	errNoToken          = errors.New("config token: none given")
	errUnknownStore     = errors.New("config token: no such store")
	errUnknownToken     = errors.New("config token: not in the store, or revoked there")
	errRevoked          = errors.New("config token: revoked")
	errPointerToPointer = errors.New("config token: a stored token is itself a pointer")
)

// NewCache returns an empty cache.
func NewCache(cfg Config) *Cache {
	const noted = 10_000 // of tokens that have something wrong
	return &Cache{
		cfg:   cfg,
		texts: memo.New(memo.Options[textKey, *openedText]{Bytes: cmp.Or(cfg.TextBytes, 64<<20), Now: cfg.Now}),
		pipelines: memo.New(memo.Options[pipelineKey, *slot]{
			Bytes: cmp.Or(cfg.PipelineBytes, 80<<20), Now: cfg.Now,
			Dropped: func(_ pipelineKey, s *slot) { s.Swap(nil).Release() },
		}),
		warned: memo.New(memo.Options[pipelineKey, struct{}]{Entries: noted, Now: cfg.Now}),
		failed: memo.New(memo.Options[pipelineKey, failure]{Entries: noted, Now: cfg.Now}),
	}
}

// Pipeline returns the pipeline that ref leads to. On every call, whatever is cached, the token and the pointer that
// led to it must be in force and not revoked. Whoever gets a pipeline calls its [Pipeline.Release], after the last use.
func (c *Cache) Pipeline(ctx context.Context, ref Reference) (*Pipeline, error) {
	pointer := ref.Pointer
	if ref.Token != "" {
		o, p, err := c.open(ctx, textKey{text: ref.Token})
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
	_, p, err := c.open(ctx, textKey{text: sealed, stored: true})
	if p == nil && err == nil {
		return nil, errPointerToPointer
	}
	return p, err
}

// open returns what key opens to, if it is in force now, and the pipeline, held for the caller, which is nil for a
// pointer.
func (c *Cache) open(ctx context.Context, key textKey) (*openedText, *Pipeline, error) {
	c.counts.texts.Add(1)
	o, p, err := c.find(ctx, key)
	if err == nil {
		err = o.err
	}
	if err == nil && o.token != nil {
		if err = c.inForce(o.token); err != nil {
			p.Release()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return o, p, nil
}

func (c *Cache) inForce(token *configtoken.Token) error {
	if token.Expires != 0 || token.NotBefore != 0 { // others need no clock
		if err := token.Check(c.cfg.Now()); err != nil {
			return err
		}
	}
	if token.ID != "" && c.cfg.Revoked(token.ID) {
		return errRevoked
	}
	return nil
}

// find finds or loads what key opens to. A hit must not allocate: what the closure of a miss captures is on the heap.
func (c *Cache) find(ctx context.Context, key textKey) (*openedText, *Pipeline, error) {
	if o, ok := c.texts.Get(key); ok {
		if o.slot == nil {
			return o, nil, nil
		}
		if p := o.slot.hold(); p != nil {
			return o, p, nil
		}
	}
	return c.miss(ctx, key)
}

func (c *Cache) miss(ctx context.Context, key textKey) (o *openedText, p *Pipeline, err error) {
	for {
		// Loading is computation only: it takes no notice of who leaves, so that whoever began it gets what it holds.
		o, err = c.texts.Load(context.WithoutCancel(ctx), key, func(context.Context) (e memo.Entry[*openedText], _ error) {
			e, p = c.load(key)
			return e, nil
		})
		// A full cache may not have kept what was loaded, but whoever loaded it has it.
		if err != nil || p != nil || o.slot == nil {
			return o, p, err
		}
		if p = o.slot.hold(); p != nil {
			return o, p, nil
		}
		c.texts.Forget(key) // the pipeline was evicted
	}
}

// load opens and compiles; the pipeline is held. What cannot be opened is remembered too, as any text is; what could
// not be compiled for the moment is tried again after a pause.
func (c *Cache) load(key textKey) (e memo.Entry[*openedText], p *Pipeline) {
	c.counts.textMisses.Add(1)
	opener := c.cfg.URL
	if key.stored {
		opener = c.cfg.Stored
	}
	o := &openedText{}
	e = memo.Entry[*openedText]{Value: o, Bytes: len(key.text) + 160, TTL: memo.Forever}
	token, err := opener.Open(key.text)
	if err != nil {
		o.err = err
		return e, nil
	}
	pointer := token.Pointer != configtoken.Pointer{}
	if !pointer {
		o.slot, p, o.err = c.compile(&token)
		if f, ok := c.failed.Get(keyOf(&token)); ok && o.err != nil {
			e.TTL = f.until.Sub(c.cfg.Now())
		}
	}
	if pointer || token.ID != "" || token.Expires != 0 || token.NotBefore != 0 {
		token.Claims = nil
		o.token = &token
	}
	return e, p
}

func (c *Cache) compile(token *configtoken.Token) (s *slot, p *Pipeline, err error) {
	key := keyOf(token)
	c.counts.pipelines.Add(1)
	load := func(context.Context) (e memo.Entry[*slot], err error) {
		c.counts.pipelineMisses.Add(1)
		compiled, warnings, err := c.attempt(key, token)
		if again(err) {
			return e, err
		}
		if _, told := c.warned.Get(key); !told && (len(warnings) > 0 || err != nil) {
			c.warned.Put(key, memo.Entry[struct{}]{TTL: memo.Forever})
			c.warn(token, warnings, err)
		}
		if err != nil {
			return e, err
		}
		p = compiled
		p.count(2, c.close) // the cache, and whoever asked for it
		e = memo.Entry[*slot]{Value: &slot{}, Bytes: p.weight(len(token.Claims)), TTL: memo.Forever}
		e.Value.Store(p)
		return e, nil
	}
	for p == nil {
		if s, err = c.pipelines.Load(context.Background(), key, load); err != nil {
			return nil, nil, err
		}
		if p == nil {
			p = s.hold() // nil if it is somebody else's and was evicted since
		}
	}
	return s, p, nil
}

// close closes a pipeline that nobody uses any more, and that nobody can find.
func (c *Cache) close(p *Pipeline) {
	c.closing.Go(func() {
		if err := p.Close(); err != nil {
			c.cfg.Log.Warn("closing an evicted pipeline", "error", err)
		}
	})
}

// attempt compiles token, once more after a pause if that fails for the moment, and not at all while the pause lasts
// that a failure before this one asked for.
func (c *Cache) attempt(key pipelineKey, token *configtoken.Token) (p *Pipeline, warnings []error, err error) {
	last, _ := c.failed.Get(key)
	if c.cfg.Now().Before(last.until) {
		return nil, nil, last.err
	}
	err = query.Again(func() (err error) {
		p, warnings, err = c.cfg.Compiler.Compile(token)
		return err
	})
	if !again(err) {
		c.failed.Forget(key)
		return p, warnings, err
	}
	pause := min(max(2*last.pause, firstPause), longestPause)
	c.failed.Put(key, memo.Entry[failure]{Value: failure{err, pause, c.cfg.Now().Add(pause)}, TTL: memo.Forever})
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
func (c *Cache) Forget() { c.texts.Clear() }

// Close closes all pipelines, and waits for those that nobody holds. The cache is not used after it.
func (c *Cache) Close() {
	c.texts.Clear()
	c.pipelines.Clear()
	c.closing.Wait()
}
