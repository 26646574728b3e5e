package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// After so many requests in a row that found the service down, none is sent for a while.
	breakAfter = 10
	breakFor   = 5 * time.Second
	// maxProbes is how many requests at once find out whether the service is back. The first answer admits everybody, so
	// that one client who has to wait keeps nobody out.
	maxProbes = 10
)

// A breaker keeps requests from a service that is down. Only errors that are [errDown] count: a client can make a
// service break off, by headers that are too large for it, and must not shut it for everybody else.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // no request is sent before
	probes   int       // requests on their way since then
}

// do returns what ask returns, or an error at once while the service is taken to be down.
func (b *breaker) do(ask func() (*answer, error)) (a *answer, err error) {
	probe, err := b.enter()
	if err != nil {
		return nil, err
	}
	err = errors.New("panic")
	defer func() { b.leave(probe, err) }()
	a, err = ask()
	return a, err
}

func (b *breaker) enter() (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	probe = b.failures >= breakAfter
	if probe && (b.probes >= maxProbes || b.now().Before(b.until)) {
		return false, errLeftAlone
	}
	if probe {
		b.probes++
	}
	return probe, nil
}

func (b *breaker) leave(probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probes--
	}
	switch {
	case err == nil:
		b.failures = 0
	case errors.Is(err, errDown):
		if b.failures++; b.failures >= breakAfter {
			b.until = b.now().Add(breakFor)
		}
	}
}

var (
	errDown      = errors.New("the service is down")
	errLeftAlone = errors.New("the service was down a moment ago")
	errTimeout   = fmt.Errorf("no answer within timeout: %w", context.DeadlineExceeded)
)

// blame returns err of a request that ctx bounded, as an [errDown] if the service is to blame: it cannot be connected
// to, or took its whole timeout, or one of the transport's. That the verification ended before says nothing about it.
func blame(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var op *net.OpError
	dial := errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") && !errors.Is(err, context.Canceled)
	var late net.Error
	timeout := errors.Is(context.Cause(ctx), errTimeout) || ctx.Err() == nil && errors.As(err, &late) && late.Timeout()
	if dial || timeout {
		return fmt.Errorf("%w: %w", errDown, err)
	}
	return err
}
