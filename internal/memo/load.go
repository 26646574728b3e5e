package memo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// A flight is a load under way, and those who wait for it.
type flight[V any] struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // guarded by the memory's mu
	// value and err are set before done is closed.
	value V
	err   error
}

// Load returns what is remembered under key, or else what load returns, which is remembered as its entry says. Callers
// that want the same key at the same time share one load. It runs in a goroutine of its own with the values of the
// first caller's context; it is cancelled when the last caller has left.
//
// The error is load's, or ctx's as soon as that ends. A panic in load is an error for all who wait.
func (m *Memory[K, V]) Load(ctx context.Context, key K, load func(context.Context) (Entry[V], error)) (v V, err error) {
	if err := ctx.Err(); err != nil {
		return v, err
	}
	m.mu.Lock()
	if v, ok := m.Get(key); ok { // another load has landed since the caller looked
		m.mu.Unlock()
		return v, nil
	}
	f := m.flights[key]
	if f == nil {
		f = &flight[V]{done: make(chan struct{}), err: errNoAnswer}
		if m.flights == nil {
			m.flights = make(map[K]*flight[V])
		}
		m.flights[key] = f
		var own context.Context
		own, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		go m.fly(own, key, f, load)
	}
	f.waiting++
	m.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		m.leave(key, f)
		return v, ctx.Err()
	}
}

var errNoAnswer = errors.New("load ended without an answer")

func (m *Memory[K, V]) fly(ctx context.Context, key K, f *flight[V], load func(context.Context) (Entry[V], error)) {
	var e Entry[V]
	defer func() {
		if v := recover(); v != nil {
			f.err = Panicked(v)
		}
		m.mu.Lock()
		if m.flights[key] == f { // else it was forgotten meanwhile
			delete(m.flights, key)
			if f.err == nil {
				m.put(key, e)
			}
		}
		m.mu.Unlock()
		f.cancel()
		close(f.done)
	}()
	e, f.err = load(ctx)
	f.value = e.Value
}

// leave takes a caller off f. Nobody joins a load that was cancelled because all had left.
func (m *Memory[K, V]) leave(key K, f *flight[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if m.flights[key] == f {
		delete(m.flights, key)
	}
}

// Panicked describes a panic by what the runtime says of it. Other values could hold anything, secrets too, and are
// described by their type.
func Panicked(v any) error {
	if err, ok := v.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %T", v)
}
