package jwtverify

import (
	"fmt"
	"sync"
	"testing"
)

func TestMemory(t *testing.T) {
	m := memory[int]{maxEntries: 8, maxBytes: 1000}
	if _, ok := m.Get(hashOf("x")); ok || m.recent != nil {
		t.Fatal("something is remembered, or allocated, before the first Put")
	}
	for i := range 100 {
		m.Put(hashOf(fmt.Sprint(i)), i, 10)
		if i >= 1 {
			// What is used stays.
			if v, ok := m.Get(hashOf("0")); !ok || v != 0 {
				t.Fatalf("after %d: Get(0) = %d, %v, want 0, true", i, v, ok)
			}
		}
		if n := m.len(); n > 8 {
			t.Fatalf("after %d: %d entries", i, n)
		}
	}
	if v, ok := m.Get(hashOf("99")); !ok || v != 99 {
		t.Errorf("Get(99) = %d, %v, want 99, true", v, ok)
	}
	if _, ok := m.Get(hashOf("50")); ok {
		t.Error("Get(50) = true: nothing is forgotten")
	}
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	m := memory[int]{maxEntries: 1000, maxBytes: 1000}
	for i := range 100 {
		m.Put(hashOf(fmt.Sprint(i)), i, 100)
		if n := m.len(); n > 10 {
			t.Fatalf("%d entries of 100 bytes", n)
		}
	}
	m.Put(hashOf("huge"), 1, 501)
	if _, ok := m.Get(hashOf("huge")); ok {
		t.Error("what fills more than half is remembered")
	}
	if _, ok := m.Get(hashOf("99")); !ok {
		t.Error("and made it forget the others")
	}
	for range 100 {
		m.Put(hashOf("same"), 1, 100)
	}
	if m.bytes > 500 {
		t.Errorf("%d bytes counted for the same value again and again", m.bytes)
	}
}

func TestMemoryAtOnce(t *testing.T) {
	m := memory[int]{maxEntries: 64, maxBytes: 1 << 20}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				k := hashOf(fmt.Sprint((g + i) % 100))
				m.Put(k, (g+i)%100, 1)
				if v, ok := m.Get(k); ok && v != (g+i)%100 {
					t.Errorf("Get = %d, want %d", v, (g+i)%100)
				}
			}
		})
	}
	wg.Wait()
}

// len counts what is remembered, twice what is in both halves.
func (m *memory[V]) len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.recent) + len(m.older)
}
