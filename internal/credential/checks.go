package credential

import (
	"context"

	"golang.org/x/sync/singleflight"
)

// Checks lets requests with the same credential share one check. The zero value is ready; it is safe for concurrent use.
type Checks[T any] struct{ flights singleflight.Group }

// landing is how a check ended.
type landing[T any] struct {
	answer   T
	err      error
	left     bool // its request ended before it did
	panicked any
}

// Do returns what check returns, or what it returned to another request that brought the credential m at the same time.
// The first of the requests that share a check makes it in the name of all. When its client leaves, or its time is
// over, check must end with an error, and another request takes over.
//
// The error is check's, or ctx's as soon as that ends. A panic in check is one in every request that waits for it.
func (c *Checks[T]) Do(ctx context.Context, m MAC, check func() (T, error)) (T, error) {
	for ctx.Err() == nil {
		done := c.flights.DoChan(string(m[:]), func() (any, error) { return land(ctx, check), nil })
		select {
		case <-ctx.Done():
		case res := <-done:
			l := res.Val.(landing[T])
			if l.panicked != nil {
				panic(l.panicked)
			}
			if !l.left {
				return l.answer, l.err
			}
		}
	}
	var none T
	return none, ctx.Err()
}

func land[T any](ctx context.Context, check func() (T, error)) (l landing[T]) {
	defer func() {
		// In singleflight's goroutine a panic would end the process.
		if v := recover(); v != nil {
			l.panicked = v
		}
	}()
	l.answer, l.err = check()
	l.left = l.err != nil && ctx.Err() != nil
	return l
}
