package credential

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A hash that is allowed can run, even if it takes longer than cheap ones may wait, and the next one after it.
func TestDearChecksWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewProcessors(1).Queue()
		start := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := q.Do(t.Context(), time.Second, func() { time.Sleep(time.Second) }); err != nil {
					t.Errorf("Do = %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("8 checks of a second took %v", took)
		}
	})
}

// The queue is bounded by work: many cheap checks wait, or few dear ones, and the rest is told at once.
func TestTheQueueIsBounded(t *testing.T) {
	for _, tt := range []struct {
		cost time.Duration
		want int // checks made of 2000
	}{
		{time.Millisecond, 809},
		{60 * time.Millisecond, 22},
		{time.Second, 9},
		{4 * time.Second, 9},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := NewProcessors(1).Queue()
			start := time.Now()
			var made, busy atomic.Int32
			var wg sync.WaitGroup
			for range 2000 {
				wg.Go(func() {
					switch err := q.Do(t.Context(), tt.cost, func() { time.Sleep(tt.cost) }); {
					case err == nil:
						made.Add(1)
					case errors.Is(err, ErrBusy) && time.Since(start) == 0:
						busy.Add(1)
					default:
						t.Errorf("Do = %v after %v", err, time.Since(start))
					}
				})
			}
			wg.Wait()
			if got := int(made.Load()); got != tt.want || busy.Load() != int32(2000-tt.want) {
				t.Errorf("checks of %v: made %d, refused %d, want %d made", tt.cost, got, busy.Load(), tt.want)
			}
			if err := q.Do(t.Context(), tt.cost, func() {}); err != nil {
				t.Errorf("Do on an empty queue = %v", err)
			}
		})
	}
}

// Guesses against one token must not keep logins through another one waiting.
func TestQueuesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProcessors(1)
		flooded, other := p.Queue(), p.Queue()
		for range 9 {
			go func() { _ = flooded.Do(t.Context(), time.Second, func() { time.Sleep(time.Second) }) }()
		}
		synctest.Wait()
		start := time.Now()
		if err := other.Do(t.Context(), time.Millisecond, func() {}); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("Do = %v after %v, want a turn after one check of the other plugin", err, time.Since(start))
		}
	})
}

// A client that leaves makes room, and is not checked for.
func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewProcessors(1).Queue()
		go func() { _ = q.Do(t.Context(), time.Second, func() { time.Sleep(time.Minute) }) }()
		synctest.Wait()
		for range 30 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := q.Do(ctx, time.Second, func() { t.Error("checked") }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Do = %v, want a deadline", err)
			}
			cancel()
		}
		time.Sleep(time.Minute)
		if err := q.Do(t.Context(), time.Second, func() {}); err != nil || q.work.Load() != 0 {
			t.Errorf("Do = %v, %d ns of work left, want none", err, q.work.Load())
		}
	})
}
