package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Cooldown is how long nothing is fetched after a fetch that failed, and how often what is missing in a document,
	// such as an unknown key id, has it fetched again. Of these, burst may follow each other at once, so that keys
	// that change right after a start are found.
	Cooldown = 10 * time.Second
	burst    = 3

	// maxStale is how long a document serves that is not fresh any more and cannot be fetched.
	maxStale = time.Hour

	fetchTimeout = 8 * time.Second
)

// A Remote is a document behind a URL or in a file, parsed and cached: a JWK set, or a provider's metadata. It is fetched
// when it is first needed. A stale one is served while it is refreshed in the background; one that cannot be refreshed is
// served for an hour more. It is safe for concurrent use.
type Remote[T any] struct {
	source source
	now    func() time.Time
	parse  func([]byte) (T, error)
	called func(time.Duration, error) // nil drops it

	mu        sync.Mutex
	have      bool
	value     T
	due       time.Time // when to refresh value
	tried     time.Time // when the last fetch began
	err       error     // what became of it
	refetches *rate.Limiter
	flight    chan struct{}
}

func newRemote[T any](source source, now func() time.Time, parse func([]byte) (T, error)) *Remote[T] {
	return &Remote[T]{source: source, now: now, parse: parse, refetches: rate.NewLimiter(rate.Every(Cooldown), burst)}
}

// NewRemote returns the document behind rawURL, http or https. client may be nil; its redirect policy is replaced by
// one that stays with the URL's scheme, host and port, so that no answer chooses another place to ask.
// bearer is sent as an access token (RFC 6750 §2.1) if it is not empty.
// parse makes a value of the document's text; the value must not change afterwards.
func NewRemote[T any](rawURL, bearer string, client *http.Client, now func() time.Time, parse func([]byte) (T, error)) (*Remote[T], error) {
	p, err := newPage(rawURL, "application/json", client)
	if err != nil {
		return nil, err
	}
	p.bearer = bearer
	return newRemote[T](p, now, parse), nil
}

// Get returns the document. The error is for one that could not be fetched or parsed, or ctx's.
func (r *Remote[T]) Get(ctx context.Context) (T, error) { return r.get(ctx, false) }

// Refetch returns the document, fetched again as far as [Cooldown] allows: for what should be in it and is not.
func (r *Remote[T]) Refetch(ctx context.Context) (T, error) { return r.get(ctx, true) }

func (r *Remote[T]) get(ctx context.Context, again bool) (T, error) {
	r.mu.Lock()
	now := r.now()
	usable := r.have && now.Before(r.due.Add(maxStale))
	failed := r.err != nil && now.Before(r.tried.Add(Cooldown))
	if r.flight == nil && !failed && (!r.have || !now.Before(r.due) || again && r.refetches.AllowN(now, 1)) {
		r.flight = make(chan struct{})
		r.tried = now
		go r.fetch(r.flight)
	}
	flight := r.flight
	if flight == nil || (usable && !again) {
		defer r.mu.Unlock()
		return r.current(usable)
	}
	r.mu.Unlock()

	select {
	case <-flight:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current(r.have && r.now().Before(r.due.Add(maxStale)))
}

// current returns the value if it is usable, else why there is none. r.mu is held.
func (r *Remote[T]) current(usable bool) (T, error) {
	if usable {
		return r.value, nil
	}
	var none T
	if r.err == nil {
		return none, errors.New("not fetched yet")
	}
	return none, r.err
}

// fetch works for all who wait, so it does not end with the first of them.
func (r *Remote[T]) fetch(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	start := time.Now()
	v, fresh, err := r.load(ctx)
	if r.called != nil {
		r.called(time.Since(start), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err == nil {
		r.value, r.have, r.due = v, true, r.now().Add(fresh)
	}
	r.flight = nil
	close(done)
}

// parsed keeps a panic about the document from ending the process: fetches run in goroutines of their own.
func (r *Remote[T]) parsed(text []byte) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parsing: panic: %T", p)
		}
	}()
	return r.parse(text)
}

// load fetches and parses the document. Errors say what came back, and from where.
func (r *Remote[T]) load(ctx context.Context) (v T, fresh time.Duration, err error) {
	address := r.source.address()
	a, err := r.source.fetch(ctx)
	switch {
	case err != nil:
		return v, 0, fmt.Errorf("%s: %w", address, err)
	case a.status < 200 || a.status > 299:
		return v, 0, fmt.Errorf("%d from %s", a.status, address)
	}
	if v, err = r.parsed(a.text); err != nil {
		return v, 0, fmt.Errorf("%.64s from %s: %w", a.what, address, err)
	}
	return v, a.fresh, nil
}
