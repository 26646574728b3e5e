package stores

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/patrickmn/go-cache"
	"golang.org/x/sync/singleflight"
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
	// An absentID takes some 150 bytes.
	absentIDs = 4096
	// While the store cannot answer, it is asked again once in retryEvery on behalf of those who have a stale token.
	retryEvery = time.Second
	// flights bounds the lookups under way, those included whose callers have left.
	flights = 1024
	// A database that compares ids loosely gives one token endless names, so that tokens are counted by bytes:
	// room for 150,000 of 700 bytes each.
	maxBytes = 128 << 20
	// overhead of an entry besides its id and text, measured.
	overhead = 128
)

var errBusy = errors.New("too many lookups under way")

// cached is a store behind a cache. Nothing in it runs in the background.
type cached struct {
	Store
	ttl, stale time.Duration
	now        func() time.Time
	log        *slog.Logger
	count      func(hit bool)
	start      time.Time // all times are counted from here, on the monotonic clock

	items   *cache.Cache                                   // id → *entry; only ids that the store returned
	absent  *otter.Cache[[sha256.Size]byte, time.Duration] // hash of an id → when it was asked for
	flights singleflight.Group
	slots   chan struct{}

	filling   sync.Mutex
	bytes     int // of items
	nextSweep time.Duration

	failing atomic.Bool
	retryAt atomic.Int64 // a time.Duration
}

type entry struct {
	sealed string
	asked  time.Duration
	fresh  time.Duration // until then
	size   int
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
		items:  cache.New(cache.NoExpiration, 0), // 0: no goroutine that looks for what expired
		absent: otter.Must(&otter.Options[[sha256.Size]byte, time.Duration]{MaximumSize: absentIDs}),
		slots:  make(chan struct{}, flights),
	}
	c.items.OnEvicted(func(_ string, v any) { c.bytes -= v.(*entry).size }) // only called by fill's callees
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
	now := c.clock()
	if e := c.entry(id); e != nil && (now < e.fresh || now < e.fresh+c.stale && now < time.Duration(c.retryAt.Load())) {
		c.count(true)
		return e.sealed, true, nil
	}
	sealed, ok, err := c.miss(ctx, id, now)
	if err == nil {
		return sealed, ok, nil
	}
	// Read again: another lookup may have found meanwhile that the token is gone.
	if e := c.entry(id); ctx.Err() == nil && e != nil && now < e.fresh+c.stale {
		c.failed(now, err)
		return e.sealed, true, nil
	}
	return "", false, err
}

// entry returns what is remembered of id, nil if nothing is.
func (c *cached) entry(id string) *entry {
	if v, ok := c.items.Get(id); ok {
		return v.(*entry)
	}
	return nil
}

func (c *cached) miss(ctx context.Context, id string, now time.Duration) (string, bool, error) {
	key := sha256.Sum256([]byte(id)) // ids are strangers' and up to 64 KB long
	if c.ttl == 0 {
		c.count(false)
		// Joining a lookup that is under way would answer with what was true before this request.
		sealed, ok, err := c.Store.Lookup(ctx, id)
		if err == nil {
			c.fill(id, key, sealed, ok, now)
		}
		return sealed, ok, err
	}
	if asked, ok := c.absent.GetIfPresent(key); ok && now < asked+absence {
		c.count(true)
		return "", false, nil
	}
	c.count(false)
	type answer struct {
		sealed string
		ok     bool
	}
	flight := c.flights.DoChan(id, func() (any, error) {
		// Another flight may have landed since this caller missed.
		if e := c.entry(id); e != nil && now < e.fresh {
			return answer{e.sealed, true}, nil
		}
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		default:
			return nil, errBusy
		}
		// The store bounds the time; the first caller may leave while others wait.
		sealed, ok, err := c.Store.Lookup(context.WithoutCancel(ctx), id)
		if err != nil {
			return nil, err
		}
		c.fill(id, key, sealed, ok, now)
		return answer{sealed, ok}, nil
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return "", false, r.Err
		}
		a := r.Val.(answer)
		return a.sealed, a.ok, nil
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
}

// fill remembers what the store answered to a question of the time asked: a revocation since then counts from there.
// The answer to a later question stands: it may be that revocation.
func (c *cached) fill(id string, key [sha256.Size]byte, sealed string, ok bool, asked time.Duration) {
	if c.failing.Load() && c.failing.Swap(false) {
		c.retryAt.Store(0)
		c.log.Info("store answers again")
	}
	c.filling.Lock()
	defer c.filling.Unlock()
	if e := c.entry(id); e != nil && e.asked > asked {
		return
	}
	if later, there := c.absent.GetIfPresent(key); there && later >= asked && ok {
		return
	}
	c.items.Delete(id)
	if !ok {
		c.absent.Set(key, asked)
		return
	}
	c.absent.Invalidate(key)
	if asked >= c.nextSweep {
		c.sweep(asked)
		c.nextSweep = asked + min(max(c.ttl+c.stale, time.Minute), 10*time.Minute)
	}
	size := len(id) + len(sealed) + overhead
	if c.bytes+size > maxBytes {
		return
	}
	c.bytes += size
	// The id may be a piece of a whole request, which must not be kept with it.
	c.items.Set(strings.Clone(id), &entry{sealed, asked, asked + c.ttl, size}, cache.NoExpiration)
}

// sweep forgets what can serve no more. go-cache would read the clock a second time at every lookup to do so.
func (c *cached) sweep(now time.Duration) {
	for id, item := range c.items.Items() {
		if now >= item.Object.(*entry).fresh+c.stale {
			c.items.Delete(id)
		}
	}
}

func (c *cached) failed(now time.Duration, err error) {
	c.retryAt.Store(int64(now + retryEvery))
	if !c.failing.Swap(true) {
		c.log.Warn("store cannot answer: remembered tokens serve on", "stale_if_error", c.stale, "error", err)
	}
}
