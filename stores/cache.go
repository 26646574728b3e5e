package stores

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/internal/memo"
)

// CacheOptions are how long answers of a store are remembered.
type CacheOptions struct {
	// TTL is how many seconds a token is remembered, which is how late its revocation is seen. 0 asks the store for
	// every request.
	TTL Seconds `json:"cache_ttl"`
	// StaleIfError is how many seconds beyond TTL a remembered token serves on while the store cannot answer.
	// 0 denies as soon as TTL has passed.
	StaleIfError Seconds `json:"stale_if_error"`
}

const (
	// absence is how long an unknown id is remembered as such, and how late a new one is seen.
	absence = time.Second
	// absentIDs is how many unknown ids are remembered, some 150 bytes each, and absentFor how long what was known of
	// them settles which of two answers is newer: longer than a lookup takes.
	absentIDs = 4096
	absentFor = time.Minute
	// While the store cannot answer, it is asked again once in retryEvery on behalf of those who have a stale token.
	retryEvery = time.Second
	// A database that compares ids loosely gives one token endless names, so that tokens are counted by bytes:
	// room for 150,000 of 700 bytes each.
	maxBytes = 128 << 20
	// overhead of an entry besides its id and text, measured.
	overhead = 128
)

// cached is a store behind a cache. Times are counted from start, on the monotonic clock.
type cached struct {
	Store
	ttl, stale time.Duration
	now        func() time.Time
	log        *slog.Logger
	count      func(hit bool)
	start      time.Time

	// fresh are tokens within ttl. known are tokens within ttl and stale, for when the store cannot answer; without
	// stale it stays empty.
	fresh, known *memo.Memory[string, answer]
	// absent is when unknown ids, of which these are the hashes, were last asked for.
	absent *memo.Memory[[sha256.Size]byte, time.Duration]

	filling sync.Mutex

	failing atomic.Bool
	retryAt atomic.Int64 // a time.Duration, 0 while the store answers
}

// answer is what the store said when it was asked.
type answer struct {
	sealed string
	ok     bool
	asked  time.Duration
}

// NewCache puts a cache before s, as o says; with zero options it returns s itself.
//
// A token is asked for once however many requests miss it at the same time, and a caller who leaves does not take the
// answer from the others. An unknown id is remembered for a second, if there is a TTL at all.
// Closing the cache closes s.
func NewCache(s Store, o CacheOptions, env Env) Store {
	if env.LookedUp != nil {
		s = measured{s, env}
	}
	if o.TTL == 0 && o.StaleIfError == 0 {
		return s
	}
	count := env.Cached
	if count == nil {
		count = func(bool) {}
	}
	c := &cached{
		Store: s, count: count, ttl: time.Duration(o.TTL), stale: time.Duration(o.StaleIfError),
		now: env.Now, log: env.Log, start: env.Now(),
		fresh:  memo.New(memo.Options[string, answer]{Bytes: maxBytes, Now: env.Now}),
		known:  memo.New(memo.Options[string, answer]{Bytes: maxBytes, Now: env.Now}),
		absent: memo.New(memo.Options[[sha256.Size]byte, time.Duration]{Entries: absentIDs, Now: env.Now}),
	}
	return c
}

// measured is a store whose answers are counted and timed.
type measured struct {
	Store
	env Env
}

func (m measured) Lookup(ctx context.Context, id string) (sealed string, ok bool, err error) {
	start := time.Now()
	sealed, ok, err = m.Store.Lookup(ctx, id)
	m.env.LookedUp(m.env.id, time.Since(start), ok, err)
	return sealed, ok, err
}

func (c *cached) clock() time.Duration { return c.now().Sub(c.start) }

func (c *cached) Lookup(ctx context.Context, id string) (string, bool, error) {
	if a, ok := c.fresh.Get(id); ok {
		c.count(true)
		return a.sealed, true, nil
	}
	now := c.clock()
	if now < time.Duration(c.retryAt.Load()) {
		if a, ok := c.known.Get(id); ok {
			c.count(true)
			return a.sealed, true, nil
		}
	}
	a, err := c.miss(ctx, id, now)
	if err != nil && ctx.Err() == nil {
		if a, ok := c.known.Get(id); ok {
			c.failed(now, err)
			return a.sealed, true, nil
		}
	}
	return a.sealed, a.ok, err
}

func (c *cached) miss(ctx context.Context, id string, now time.Duration) (answer, error) {
	key := sha256.Sum256([]byte(id)) // ids are strangers' and up to 64 KB long
	if c.ttl == 0 {
		c.count(false)
		// Joining a lookup that is under way would answer with what was true before this request.
		return c.ask(ctx, id, key, now)
	}
	if asked, ok := c.absent.Get(key); ok && now < asked+absence {
		c.count(true)
		return answer{}, nil
	}
	c.count(false)
	// The id may be a piece of a whole request, which must not be kept with it.
	id = strings.Clone(id)
	return c.fresh.Load(ctx, id, func(ctx context.Context) (memo.Entry[answer], error) {
		a, err := c.ask(ctx, id, key, now)
		if !a.ok {
			return memo.Entry[answer]{Value: a}, err
		}
		return c.entry(id, a, c.ttl), err
	})
}

// entry keeps a for as long as ttl lasts, counted from when the store was asked: a revocation since then counts.
func (c *cached) entry(id string, a answer, ttl time.Duration) memo.Entry[answer] {
	return memo.Entry[answer]{Value: a, Bytes: len(id) + len(a.sealed) + overhead, TTL: a.asked + ttl - c.clock()}
}

// ask asks the store, and notes what it says, unless the answer to a later question is there: it may be a revocation.
func (c *cached) ask(ctx context.Context, id string, key [sha256.Size]byte, now time.Duration) (answer, error) {
	a := answer{asked: now}
	var err error
	if a.sealed, a.ok, err = c.Store.Lookup(ctx, id); err != nil {
		return answer{}, err
	}
	if c.failing.Load() && c.failing.Swap(false) {
		c.retryAt.Store(0)
		c.log.Info("store answers again")
	}
	c.filling.Lock()
	defer c.filling.Unlock()
	if k, ok := c.known.Get(id); ok && k.asked > now {
		return a, nil
	}
	if !a.ok {
		c.known.Forget(id)
		c.absent.Put(key, memo.Entry[time.Duration]{Value: now, TTL: absentFor})
		return a, nil
	}
	if later, ok := c.absent.Get(key); ok && later >= now {
		return a, nil
	}
	c.absent.Forget(key)
	if c.stale > 0 {
		c.known.Put(strings.Clone(id), c.entry(id, a, c.ttl+c.stale))
	}
	return a, nil
}

func (c *cached) failed(now time.Duration, err error) {
	c.retryAt.Store(int64(now + retryEvery))
	if !c.failing.Swap(true) {
		c.log.Warn("store cannot answer: remembered tokens serve on", "stale_if_error", c.stale, "error", err)
	}
}
