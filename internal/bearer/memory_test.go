package bearer

import (
	"fmt"
	"sync"
	"testing"
)

func TestMemory(t *testing.T) {
	m := Memory[int]{MaxEntries: 8, MaxBytes: 1000}
	if _, ok := m.Get(HashOf("x")); ok || m.recent != nil {
		t.Fatal("something is remembered, or allocated, before the first Put")
	}
	for i := range 100 {
		m.Put(HashOf(fmt.Sprint(i)), i, 10)
		if i >= 1 {
			// What is used stays.
			if v, ok := m.Get(HashOf("0")); !ok || v != 0 {
				t.Fatalf("after %d: Get(0) = %d, %v, want 0, true", i, v, ok)
			}
		}
		if n := m.Len(); n > 8 {
			t.Fatalf("after %d: %d entries", i, n)
		}
	}
	if v, ok := m.Get(HashOf("99")); !ok || v != 99 {
		t.Errorf("Get(99) = %d, %v, want 99, true", v, ok)
	}
	if _, ok := m.Get(HashOf("50")); ok {
		t.Error("Get(50) = true: nothing is forgotten")
	}
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	m := Memory[int]{MaxEntries: 1000, MaxBytes: 1000}
	for i := range 100 {
		m.Put(HashOf(fmt.Sprint(i)), i, 100)
		if n := m.Len(); n > 10 {
			t.Fatalf("%d entries of 100 bytes", n)
		}
	}
	m.Put(HashOf("huge"), 1, 501)
	if _, ok := m.Get(HashOf("huge")); ok {
		t.Error("what fills more than half is remembered")
	}
	if _, ok := m.Get(HashOf("99")); !ok {
		t.Error("and made it forget the others")
	}
	for range 100 {
		m.Put(HashOf("same"), 1, 100)
	}
	if m.bytes > 500 {
		t.Errorf("%d bytes counted for the same value again and again", m.bytes)
	}
}

func TestMemoryAtOnce(t *testing.T) {
	m := Memory[int]{MaxEntries: 64, MaxBytes: 1 << 20}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				k := HashOf(fmt.Sprint((g + i) % 100))
				m.Put(k, (g+i)%100, 1)
				if v, ok := m.Get(k); ok && v != (g+i)%100 {
					t.Errorf("Get = %d, want %d", v, (g+i)%100)
				}
			}
		})
	}
	wg.Wait()
}
