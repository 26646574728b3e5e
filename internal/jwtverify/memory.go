package jwtverify

import (
	"crypto/sha256"
	"sync"
)

// A hash stands for a token where the token itself should not be kept.
type hash [sha256.Size]byte

// hashOf returns the hash of a token.
func hashOf(token string) hash {
	// Most tokens are shorter, and their copy need not be on the heap.
	var buf [1536]byte
	if len(token) > len(buf) {
		return sha256.Sum256([]byte(token))
	}
	return sha256.Sum256(buf[:copy(buf[:], token)])
}

// A memory remembers values by hash, as many as fit: when it is full the older half is forgotten, but for what was used
// since. The zero value is full with nothing in it; nothing is allocated before the first Put. It is safe for concurrent
// use.
//
// A general cache would cost each compiled token a set of queues and timers before it remembers anything.
type memory[V any] struct {
	// maxEntries and maxBytes are the bounds.
	maxEntries, maxBytes int

	mu            sync.RWMutex
	recent, older map[hash]remembered[V]
	bytes         int // of recent
}

type remembered[V any] struct {
	value V
	bytes int
}

// Get returns what was remembered under h.
func (m *memory[V]) Get(h hash) (v V, ok bool) {
	m.mu.RLock()
	r, ok := m.recent[h]
	if ok {
		m.mu.RUnlock()
		return r.value, true
	}
	r, ok = m.older[h]
	m.mu.RUnlock()
	if ok {
		m.Put(h, r.value, r.bytes)
	}
	return r.value, ok
}

// Put remembers v under h; bytes is about what it holds.
func (m *memory[V]) Put(h hash, v V, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.recent[h]
	if m.recent == nil || len(m.recent) >= m.maxEntries/2 || m.bytes-old.bytes+bytes > m.maxBytes/2 {
		if bytes > m.maxBytes/2 {
			return
		}
		m.older, m.recent, m.bytes, old = m.recent, map[hash]remembered[V]{}, 0, remembered[V]{}
	}
	m.recent[h] = remembered[V]{v, bytes}
	m.bytes += bytes - old.bytes
}
