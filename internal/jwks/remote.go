package jwks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// Cooldown is the least time between two fetches of one document, whatever asks for them: an unknown key id, a
	// refresh, or a failure that is tried again.
	Cooldown = 10 * time.Second
	// MaxDocument is how many bytes a fetched document may have.
	MaxDocument = 1 << 20

	// A document is fresh for as long as Cache-Control says, within these bounds.
	minFresh     = time.Minute
	defaultFresh = 10 * time.Minute
	maxFresh     = time.Hour
	// maxStale is how long a document serves beyond that while it cannot be fetched.
	maxStale = time.Hour

	fetchTimeout = 8 * time.Second
	maxRedirects = 3
)

// A Remote is a JSON document behind a URL, parsed and cached: a JWK set, or a provider's metadata. It is fetched when
// it is first needed. A stale one is served while it is refreshed in the background; one that cannot be refreshed is
// served for an hour more. It is safe for concurrent use.
type Remote[T any] struct {
	// Bearer is sent as an access token (RFC 6750 §2.1) if it is not empty. Set it before the first Get.
	Bearer string

	url   string
	http  *http.Client
	now   func() time.Time
	parse func([]byte) (T, error)

	mu     sync.Mutex
	have   bool
	value  T
	due    time.Time // when to refresh value
	tried  time.Time // when the last fetch began
	err    error     // what became of it
	flight chan struct{}
}

// NewRemote returns the document behind rawURL, http or https. client may be nil; its redirect policy is replaced by
// one that stays with the URL's scheme, host and port, so that no answer chooses another place to ask.
// parse makes a value of the document's text; the value must not change afterwards.
func NewRemote[T any](rawURL string, client *http.Client, now func() time.Time, parse func([]byte) (T, error)) (*Remote[T], error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("want an http or https URL")
	}
	return &Remote[T]{url: rawURL, http: SameOrigin(client), now: now, parse: parse}, nil
}

// NewSet returns the key set behind rawURL; parse is [ParseJWKS] or [ParseCertificates].
// As long as the document stays the same, so does the set.
func NewSet(rawURL string, client *http.Client, now func() time.Time, parse func([]byte) (*Set, error)) (*Remote[*Set], error) {
	var last *Set
	// Fetches of one document never overlap, and so neither do these calls.
	return NewRemote(rawURL, client, now, func(text []byte) (*Set, error) {
		sum := sha256.Sum256(text)
		version := binary.BigEndian.Uint64(sum[:])
		if last != nil && last.Version == version {
			return last, nil
		}
		s, err := parse(text)
		if err != nil {
			return nil, err
		}
		s.Version = version
		last = s
		return s, nil
	})
}

// SameOrigin returns a copy of client, or of the default one for nil, that follows redirects within one origin only.
func SameOrigin(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.Jar = nil
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if first := via[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host {
			return errors.New("redirect to another host refused")
		}
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return nil
	}
	return &c
}

// Get returns the document. The error is for one that could not be fetched or parsed, or ctx's.
func (r *Remote[T]) Get(ctx context.Context) (T, error) { return r.get(ctx, false) }

// Refetch returns the document, fetched again if the last fetch was [Cooldown] or more ago: for what should be in it
// and is not.
func (r *Remote[T]) Refetch(ctx context.Context) (T, error) { return r.get(ctx, true) }

func (r *Remote[T]) get(ctx context.Context, again bool) (T, error) {
	r.mu.Lock()
	now := r.now()
	usable := r.have && now.Before(r.due.Add(maxStale))
	cool := !r.tried.IsZero() && now.Before(r.tried.Add(Cooldown))
	if r.flight == nil && !cool && (again || !r.have || !now.Before(r.due)) {
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
	fresh := defaultFresh
	text, err := r.load(ctx, &fresh)
	var v T
	if err == nil {
		v, err = r.parsed(text)
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

func (r *Remote[T]) load(ctx context.Context, fresh *time.Duration) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if r.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, Unwrapped(err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	*fresh = freshness(res.Header.Get("Cache-Control"))
	return ReadAll(res.Body)
}

// Unwrapped takes the URL out of an http.Client's error: URLs of configurations may hold passwords.
func Unwrapped(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

var errTooLong = errors.New("answer too long")

// ReadAll reads a document of at most [MaxDocument] bytes.
func ReadAll(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, MaxDocument+1))
	if err == nil && len(b) > MaxDocument {
		return nil, errTooLong
	}
	return b, err
}

// freshness reads max-age (RFC 9111 §5.2.2.1).
func freshness(cacheControl string) time.Duration {
	for d := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return min(max(time.Duration(n)*time.Second, minFresh), maxFresh)
		}
	}
	return defaultFresh
}
