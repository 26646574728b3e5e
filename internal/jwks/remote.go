package jwks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

	url, accept string
	http        *http.Client
	now         func() time.Time
	parse       func([]byte) (T, error)

	mu        sync.Mutex
	have      bool
	value     T
	due       time.Time // when to refresh value
	tried     time.Time // when the last fetch began
	err       error     // what became of it
	refetches *rate.Limiter
	flight    chan struct{}
}

// NewRemote returns the document behind rawURL, http or https. client may be nil; its redirect policy is replaced by
// one that stays with the URL's scheme, host and port, so that no answer chooses another place to ask.
// parse makes a value of the document's text; the value must not change afterwards.
func NewRemote[T any](rawURL string, client *http.Client, now func() time.Time, parse func([]byte) (T, error)) (*Remote[T], error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("want an http or https URL")
	}
	return &Remote[T]{
		url: rawURL, accept: "application/json, */*;q=0.1", http: SameOrigin(client), now: now, parse: parse,
		refetches: rate.NewLimiter(rate.Every(Cooldown), burst),
	}, nil
}

// A Fetcher is what key sets are fetched with.
type Fetcher struct {
	// HTTP may be nil; see [NewRemote].
	HTTP *http.Client
	Now  func() time.Time
	// Log is told once per document which of its keys are not used, and why; nil drops it.
	Log *slog.Logger
	// Strict leaves out RSA keys under 2048 bits (RFC 7518 §3.3), which are used with a warning otherwise.
	Strict bool
}

// Set returns the key set behind rawURL; parse is [ParseJWKS] or [ParseCertificates].
// As long as the document stays the same, so does the set.
func (f Fetcher) Set(rawURL string, parse func(text []byte, strict bool) (*Set, error)) (*Remote[*Set], error) {
	var last *Set
	var told uint64 // the version of the document that the log was told of
	// Fetches of one document never overlap, and so neither do these calls.
	r, err := NewRemote(rawURL, f.HTTP, f.Now, func(text []byte) (*Set, error) {
		sum := sha256.Sum256(text)
		version := binary.BigEndian.Uint64(sum[:])
		if last != nil && last.Version == version {
			return last, nil
		}
		s, err := parse(text, f.Strict)
		if s != nil && told != version {
			told = version
			s.tell(f.Log, withoutQuery(rawURL))
		}
		if err != nil {
			return nil, err
		}
		s.Version = version
		last = s
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	// The Kubernetes API answers 406 to whoever does not name its type (RFC 7517 §8.5.2).
	r.accept = "application/jwk-set+json, " + r.accept
	return r, nil
}

// withoutQuery is a URL as logs and errors name it: passwords and keys are in its other parts.
func withoutQuery(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// SameOrigin returns a copy of client, or of the default one for nil, that follows redirects within one origin only.
func SameOrigin(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.Jar = nil
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch first := via[0].URL; {
		case r.URL.Scheme == first.Scheme && r.URL.Host == first.Host:
		case first.Scheme == "http" && r.URL.Scheme == "https" && r.URL.Hostname() == first.Hostname():
			return errors.New("redirected to https: write the URL with https")
		default:
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
	fresh := defaultFresh
	v, err := r.load(ctx, &fresh)
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
func (r *Remote[T]) load(ctx context.Context, fresh *time.Duration) (v T, err error) {
	address := withoutQuery(r.url)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return v, err
	}
	req.Header.Set("Accept", r.accept)
	if r.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return v, fmt.Errorf("%s: %w", address, Unwrapped(err))
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return v, fmt.Errorf("%d from %s", res.StatusCode, address)
	}
	*fresh = freshness(res.Header.Get("Cache-Control"))
	text, err := ReadAll(res.Body)
	if err != nil {
		return v, fmt.Errorf("%s: %w", address, err)
	}
	if v, err = r.parsed(text); err != nil {
		what, _, bad := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if bad != nil {
			what = "answer"
		}
		return v, fmt.Errorf("%.64s from %s: %w", what, address, err)
	}
	return v, nil
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
