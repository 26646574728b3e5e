package memo

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Forever is the TTL of an entry that stays until it must make room.
const Forever time.Duration = math.MaxInt64

// An Entry is a value, and how it is to be remembered.
type Entry[V any] struct {
	Value V
	// Bytes is about how much memory the entry takes, its key included. It counts where [Options] bound bytes.
	Bytes int
	// TTL is how long it is remembered, 0 for not at all.
	TTL time.Duration
}

// Options bound a [Memory], by Entries or else by Bytes.
type Options[K comparable, V any] struct {
	Entries int
	Bytes   int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Dropped is called once with each value that was remembered and is not any more, also when another took its place.
	// It must not call the Memory. nil drops it.
	Dropped func(key K, v V)
}

// A Memory remembers values by key. It takes no more than this struct before there is something to remember, nor after
// everything expired. It is safe for concurrent use. Make it with [New].
type Memory[K comparable, V any] struct {
	o     Options[K, V]
	start time.Time // expiry is counted from here, on the monotonic clock
	cache atomic.Pointer[otter.Cache[K, kept[V]]]

	mu      sync.Mutex // of what follows, and held by whoever adds to the cache or replaces it
	flights map[K]*flight[V]
	sweeper *time.Timer
	every   time.Duration // the sweeper's interval
}

// kept is a value in the cache.
type kept[V any] struct {
	value V
	until time.Duration
	bytes uint32
}

// New returns an empty memory.
func New[K comparable, V any](o Options[K, V]) *Memory[K, V] {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory[K, V]{o: o, start: o.Now()}
}

func (m *Memory[K, V]) clock() time.Duration { return m.o.Now().Sub(m.start) }

// Get returns what is remembered under key.
func (m *Memory[K, V]) Get(key K) (v V, ok bool) {
	cache := m.cache.Load()
	if cache == nil {
		return v, false
	}
	k, ok := cache.GetIfPresent(key)
	if !ok || k.until != Forever && m.clock() >= k.until {
		return v, false
	}
	return k.value, true
}

// Put remembers e under key, in place of what was there.
func (m *Memory[K, V]) Put(key K, e Entry[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, e)
}

func (m *Memory[K, V]) put(key K, e Entry[V]) {
	if e.TTL <= 0 {
		return
	}
	cache := m.cache.Load()
	if cache == nil {
		cache = m.newCache()
		m.cache.Store(cache)
	}
	k := kept[V]{value: e.Value, until: Forever, bytes: uint32(min(e.Bytes, math.MaxUint32))}
	if e.TTL != Forever {
		k.until = m.clock() + e.TTL
		m.sweepEvery(e.TTL)
	}
	cache.Set(key, k)
}

func (m *Memory[K, V]) newCache() *otter.Cache[K, kept[V]] {
	o := otter.Options[K, kept[V]]{MaximumSize: m.o.Entries}
	if m.o.Bytes > 0 {
		o.MaximumSize, o.MaximumWeight = 0, uint64(m.o.Bytes)
		o.Weigher = func(_ K, k kept[V]) uint32 { return max(k.bytes, 1) }
	}
	if dropped := m.o.Dropped; dropped != nil {
		o.OnAtomicDeletion = func(e otter.DeletionEvent[K, kept[V]]) { dropped(e.Key, e.Value.value) }
	}
	return otter.Must(&o)
}

// Forget forgets what is under key. A load that is under way still answers those who wait for it, and nobody else.
func (m *Memory[K, V]) Forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.flights, key)
	if cache := m.cache.Load(); cache != nil {
		cache.Invalidate(key)
	}
}

// Clear forgets everything, as [Memory.Forget] does.
func (m *Memory[K, V]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.flights)
	m.empty()
}

// empty gives the memory back. m.mu is held.
func (m *Memory[K, V]) empty() {
	if m.sweeper != nil {
		m.sweeper.Stop()
		m.sweeper = nil
	}
	if cache := m.cache.Swap(nil); cache != nil {
		cache.InvalidateAll()
	}
}

// An expired entry is no longer found; a sweep gives its memory back, at least this long after the one before.
const leastSweep, mostSweep = time.Second, 10 * time.Minute

// sweepEvery makes sure that a sweep is ahead. m.mu is held.
func (m *Memory[K, V]) sweepEvery(ttl time.Duration) {
	if m.sweeper == nil {
		m.every = min(max(ttl, leastSweep), mostSweep)
		m.sweeper = time.AfterFunc(m.every, m.sweep)
	}
}

func (m *Memory[K, V]) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	cache := m.cache.Load()
	if m.sweeper == nil || cache == nil {
		return
	}
	now, left, mortal := m.clock(), false, false
	for key, k := range cache.All() {
		switch {
		case k.until == Forever:
			left = true
		case now < k.until:
			left, mortal = true, true
		default:
			cache.Invalidate(key)
		}
	}
	switch {
	case !left:
		m.empty()
	case mortal:
		m.sweeper.Reset(m.every)
	default:
		m.sweeper = nil
	}
}
