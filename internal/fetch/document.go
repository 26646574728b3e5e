package fetch

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

// A Document is a document behind a URL or in a file, parsed and cached: a JWK set, or a provider's metadata. It is
// fetched when it is first needed. A stale one is served while it is refreshed in the background; one that cannot be
// refreshed is served for an hour more. It is safe for concurrent use.
type Document[T any] struct {
	source source
	parse  func([]byte) (T, error)
	o      Options

	mu        sync.Mutex
	have      bool
	value     T
	due       time.Time // when to refresh value
	tried     time.Time // when the last fetch began
	err       error     // what became of it
	refetches *rate.Limiter
	flight    chan struct{}
}

// Options say how a [Document] is fetched. Now is required.
type Options struct {
	// Client may be nil. Its redirect policy is replaced by that of [SameOrigin].
	Client *http.Client
	Now    func() time.Time
	// Accept lists media types (RFC 9110 §12.5.1); by default application/json. Any other is taken too.
	Accept string
	// Bearer is sent as an access token (RFC 6750 §2.1) if it is not empty.
	Bearer string
	// Called is told how each fetch went; nil drops it.
	Called func(took time.Duration, err error)
}

// URL returns the document behind rawURL, http or https. parse makes a value of the document's text; calls of it do not
// overlap, and the value must not change afterwards.
func URL[T any](rawURL string, o Options, parse func([]byte) (T, error)) (*Document[T], error) {
	p, err := newPage(rawURL, o)
	if err != nil {
		return nil, err
	}
	return newDocument(p, o, parse), nil
}

// File returns the document in the file at path, an absolute one of this machine, which is looked at once a minute.
func File[T any](path string, o Options, parse func([]byte) (T, error)) (*Document[T], error) {
	f, err := newFile(path)
	if err != nil {
		return nil, err
	}
	return newDocument(f, o, parse), nil
}

func newDocument[T any](source source, o Options, parse func([]byte) (T, error)) *Document[T] {
	return &Document[T]{source: source, o: o, parse: parse, refetches: rate.NewLimiter(rate.Every(Cooldown), burst)}
}

// Address names the document for logs and errors, without secrets.
func (d *Document[T]) Address() string { return d.source.address() }

// Get returns the document. The error is for one that could not be fetched or parsed, or ctx's.
func (d *Document[T]) Get(ctx context.Context) (T, error) { return d.get(ctx, false) }

// Refetch returns the document, fetched again as far as [Cooldown] allows: for what should be in it and is not.
func (d *Document[T]) Refetch(ctx context.Context) (T, error) { return d.get(ctx, true) }

func (d *Document[T]) get(ctx context.Context, again bool) (T, error) {
	d.mu.Lock()
	now := d.o.Now()
	usable := d.have && now.Before(d.due.Add(maxStale))
	failed := d.err != nil && now.Before(d.tried.Add(Cooldown))
	if d.flight == nil && !failed && (!d.have || !now.Before(d.due) || again && d.refetches.AllowN(now, 1)) {
		d.flight = make(chan struct{})
		d.tried = now
		go d.fetch(d.flight)
	}
	flight := d.flight
	if flight == nil || (usable && !again) {
		defer d.mu.Unlock()
		return d.current(usable)
	}
	d.mu.Unlock()

	select {
	case <-flight:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current(d.have && d.o.Now().Before(d.due.Add(maxStale)))
}

// current returns the value if it is usable, else why there is none. d.mu is held.
func (d *Document[T]) current(usable bool) (T, error) {
	if usable {
		return d.value, nil
	}
	var none T
	if d.err == nil {
		return none, errors.New("not fetched yet")
	}
	return none, d.err
}

// fetch works for all who wait, so it does not end with the first of them.
func (d *Document[T]) fetch(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	start := time.Now()
	v, fresh, err := d.load(ctx)
	if d.o.Called != nil {
		d.o.Called(time.Since(start), err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	if err == nil {
		d.value, d.have, d.due = v, true, d.o.Now().Add(fresh)
	}
	d.flight = nil
	close(done)
}

// parsed keeps a panic about the document from ending the process: fetches run in goroutines of their own.
func (d *Document[T]) parsed(text []byte) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parsing: panic: %T", p)
		}
	}()
	return d.parse(text)
}

// load fetches and parses the document. Errors say what came back, and from where.
func (d *Document[T]) load(ctx context.Context) (v T, fresh time.Duration, err error) {
	address := d.source.address()
	a, err := d.source.fetch(ctx)
	switch {
	case err != nil:
		return v, 0, fmt.Errorf("%s: %w", address, err)
	case a.status < 200 || a.status > 299:
		return v, 0, fmt.Errorf("%d from %s", a.status, address)
	}
	if v, err = d.parsed(a.text); err != nil {
		return v, 0, fmt.Errorf("%.64s from %s: %w", a.what, address, err)
	}
	return v, a.fresh, nil
}
