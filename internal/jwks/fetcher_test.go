package jwks

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/internal/fetch"
)

// A provider answers from memory and counts.
type provider struct {
	mu      sync.Mutex
	body    string
	status  int
	control string
	// location redirects by path.
	location map[string]string
	wait     time.Duration
	header   http.Header
	fail     error
	accept   string
	asked    atomic.Int64
	hosts    map[string]bool
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]bool{}
	}
	p.hosts[r.URL.Host] = true
	p.accept = r.Header.Get("Accept")
	if p.fail != nil {
		return nil, p.fail
	}
	select {
	case <-time.After(p.wait):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	res := &http.Response{StatusCode: p.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(p.body)), Request: r}
	maps.Copy(res.Header, p.header)
	if p.control != "" {
		res.Header.Set("Cache-Control", p.control)
	}
	if to, ok := p.location[r.URL.Path]; ok {
		res.StatusCode = http.StatusFound
		res.Header.Set("Location", to)
	}
	return res, nil
}

func (p *provider) set(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

var (
	keyA = `{"keys":[` + jwk(`,"kid":"a"`) + `]}`
	keyB = `{"keys":[` + jwk(`,"kid":"b"`) + `]}`
)

func remote(t *testing.T, p *provider) *fetch.Document[*Set] {
	t.Helper()
	r, err := Fetcher{HTTP: &http.Client{Transport: p}, Now: time.Now}.Set("https://login.example.com/jwks?key=hunter2", ParseJWKS)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p *provider) wantAsked(t *testing.T, want int64, when string) {
	t.Helper()
	synctest.Wait()
	if got := p.asked.Load(); got != want {
		t.Errorf("%s: asked %d times, want %d", when, got, want)
	}
}

// name is the id of the only key, or the error.
func name(s *Set, err error) string {
	if err != nil {
		return err.Error()
	}
	return s.All()[0].ID
}

func TestFetchedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA, wait: time.Second}
		r := remote(t, p)
		p.wantAsked(t, 0, "before the first Get")
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := name(r.Get(t.Context())); got != "a" {
					t.Errorf("Get = %s, want a", got)
				}
			})
		}
		wg.Wait()
		p.wantAsked(t, 1, "50 at once")
	})
}

// The client that started the fetch may leave; the others still get their keys.
func TestFirstClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA, wait: time.Second}
		r := remote(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := r.Get(ctx)
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, want canceled", err)
		}
		if got := name(r.Get(t.Context())); got != "a" {
			t.Errorf("Get = %s, want a", got)
		}
		p.wantAsked(t, 1, "both")
	})
}

func TestRefresh(t *testing.T) {
	for _, tt := range []struct {
		control string
		fresh   time.Duration
	}{
		{"", 10 * time.Minute},
		{"public, max-age=600, must-revalidate", 10 * time.Minute},
		{"max-age=1800", 30 * time.Minute},
		{"max-age=0", time.Minute},
		{"no-store", 10 * time.Minute},
		{"max-age=99999999", time.Hour},
		{"max-age=-1", 10 * time.Minute},
		{"max-age=999999999999999999999", 10 * time.Minute},
		{`Max-Age="120"`, 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{status: 200, body: keyA, control: tt.control}
			r := remote(t, p)
			first, err := r.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(tt.fresh - time.Second)
			_, _ = r.Get(t.Context())
			p.wantAsked(t, 1, tt.control+": before it is due")
			time.Sleep(time.Second)
			// The old set is served while a new one comes; it is the same as long as the document is.
			_, _ = r.Get(t.Context())
			p.wantAsked(t, 2, tt.control+": when it is due")
			again, _ := r.Get(t.Context())
			if first != again {
				t.Errorf("%s: another set for the same document", tt.control)
			}
			p.set(200, keyB)
			time.Sleep(tt.fresh)
			_, _ = r.Get(t.Context())
			synctest.Wait()
			now, err := r.Get(t.Context())
			if err != nil || now.Version == first.Version || name(now, err) != "b" {
				t.Errorf("%s: Get = %s, version %d as before %d", tt.control, name(now, err), now.Version, first.Version)
			}
		})
	}
}

func TestFailingProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA}
		r := remote(t, p)
		_, _ = r.Get(t.Context())
		for i, bad := range []string{"oops", "{not json", "{}", `{"keys":[` + oct + `]}`} {
			status := 200
			if i == 0 {
				status = 500
			}
			p.set(status, bad)
			time.Sleep(15 * time.Minute)
			_, _ = r.Get(t.Context())
			synctest.Wait()
			if got := name(r.Get(t.Context())); got != "a" {
				t.Errorf("Get after %s = %s, want the old set", bad, got)
			}
		}
		// Ten minutes and an hour after the last good answer.
		time.Sleep(10*time.Minute - time.Second)
		if got := name(r.Get(t.Context())); got != "a" {
			t.Errorf("Get in the last second = %s, want the old set", got)
		}
		p.set(503, "")
		time.Sleep(time.Second + fetch.Cooldown)
		if got := name(r.Get(t.Context())); got != "503 from https://login.example.com/jwks" {
			t.Errorf("Get after an hour = %s, want 503", got)
		}
		p.set(200, keyB)
		time.Sleep(fetch.Cooldown)
		if got := name(r.Get(t.Context())); got != "b" {
			t.Errorf("Get when it is back = %s, want b", got)
		}
	})
}

func TestDownFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 500}
		r := remote(t, p)
		for range 100 {
			if got := name(r.Get(t.Context())); got != "500 from https://login.example.com/jwks" {
				t.Errorf("Get = %s, want 500", got)
			}
		}
		p.wantAsked(t, 1, "100 requests")
		p.set(200, keyA)
		time.Sleep(fetch.Cooldown)
		if got := name(r.Get(t.Context())); got != "a" {
			t.Errorf("Get after the cool-down = %s, want a", got)
		}
	})
}

// A provider that never answers holds a request up for a few seconds, and one goroutine.
func TestHangingProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA, wait: time.Hour}
		r := remote(t, p)
		start := time.Now()
		if _, err := r.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 8*time.Second {
			t.Errorf("Get = %v after %v, want a timeout after %v", err, time.Since(start), 8*time.Second)
		}
	})
}

// ATTACKS 33.
func TestFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA}
		r := remote(t, p)
		_, _ = r.Get(t.Context())
		for range 1000 {
			_, _ = r.Refetch(t.Context())
		}
		p.wantAsked(t, 1+3, "1000 unknown keys right after the start")
		for range 1000 {
			time.Sleep(fetch.Cooldown / 100)
			_, _ = r.Refetch(t.Context())
		}
		p.wantAsked(t, 1+3+10, "1000 more in ten cool-downs")
		// A key that is new is found with the first request after the cool-down.
		p.set(200, keyB)
		time.Sleep(fetch.Cooldown - time.Nanosecond)
		if got := name(r.Refetch(t.Context())); got != "a" {
			t.Errorf("Refetch within the cool-down = %s, want a", got)
		}
		time.Sleep(time.Nanosecond)
		if got := name(r.Refetch(t.Context())); got != "b" {
			t.Errorf("Refetch after it = %s, want b", got)
		}
	})
}

// Keys that change right after a start are found at once; a failure is not asked again and again.
func TestRotationAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{status: 200, body: keyA}
		r := remote(t, p)
		_, _ = r.Get(t.Context())
		p.set(200, keyB)
		if got := name(r.Refetch(t.Context())); got != "b" {
			t.Errorf("Refetch = %s, want b", got)
		}
		p.set(500, "")
		for range 100 {
			_, _ = r.Refetch(t.Context())
		}
		p.wantAsked(t, 3, "100 unknown keys, and a provider that fails")
	})
}

// The Kubernetes API answers 406 without its own type in Accept, and others know only JSON.
func TestAccept(t *testing.T) {
	const want = "application/jwk-set+json, application/json, */*;q=0.1"
	p := &provider{status: 200, body: keyA}
	if _, err := remote(t, p).Get(t.Context()); err != nil || p.accept != want {
		t.Errorf("Get = %v with Accept %s, want %s", err, p.accept, want)
	}
}

// What an operator is told when no keys come.
func TestWhatCameBack(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	const jwks = "https://login.example.com/jwks"
	for name, tt := range map[string]struct {
		p    *provider
		want string
	}{
		"a status":        {&provider{status: 406}, "406 from " + jwks},
		"a login page":    {&provider{status: 200, body: "<html>", header: html}, "text/html from " + jwks + ": not a JWK set"},
		"nothing usable":  {&provider{status: 200, body: `{"keys":[{},` + oct + `]}`}, "answer from " + jwks + ": no usable key: 2 left out, see the warning"},
		"no connection":   {&provider{fail: x509.UnknownAuthorityError{}}, jwks + ": x509: certificate signed by unknown authority"},
		"other keys only": {&provider{status: 200, body: `{"keys":[` + jwk(`,"use":"enc"`) + `]}`}, "answer from " + jwks + ": no usable key: 1 left out, see the warning"},
	} {
		if _, err := remote(t, tt.p).Get(t.Context()); err == nil || err.Error() != tt.want {
			t.Errorf("%s: Get = %v, want %s", name, err, tt.want)
		}
	}
	// The other way round is refused as well, in other words.
	p := &provider{status: 200, location: map[string]string{"/jwks": jwks}}
	r, err := Fetcher{HTTP: &http.Client{Transport: p}, Now: time.Now}.Set("http://login.example.com/jwks", ParseJWKS)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "redirected to https: write the URL with https") {
		t.Errorf("Get of a URL that redirects to https = %v", err)
	}
}

// ATTACKS 34.
func TestRedirectsAndLongAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		p     *provider
		want  string
		asked int64
	}{
		{"to the metadata service", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "http://169.254.169.254/latest"}}, "redirect to another host refused", 1},
		{"to the loopback", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "https://127.0.0.1/jwks"}}, "redirect to another host refused", 1},
		{"to another port", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "https://login.example.com:8443/jwks"}}, "redirect to another host refused", 1},
		{"to plain http", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "http://login.example.com/jwks"}}, "redirect to another host refused", 1},
		{"by way of the same host", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "/x", "/x": "//evil.example.com/"}}, "redirect to another host refused", 2},
		{"in circles", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "/jwks"}}, "too many redirects", 4},
		{"on the same host", &provider{status: 200, body: keyA, location: map[string]string{"/jwks": "/keys"}}, "a", 2},
		{"10 MB", &provider{status: 200, body: keyA + strings.Repeat(" ", 10<<20)}, "answer too long", 1},
		{"just short enough", &provider{status: 200, body: keyA + strings.Repeat(" ", fetch.MaxDocument-len(keyA))}, "a", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := remote(t, tt.p)
			got := strings.TrimPrefix(name(r.Get(t.Context())), "https://login.example.com/jwks: ")
			if got != tt.want {
				t.Errorf("Get = %s, want %s", got, tt.want)
			}
			if got := tt.p.asked.Load(); got != tt.asked || len(tt.p.hosts) != 1 {
				t.Errorf("asked %d times, hosts %v, want %d and one", got, tt.p.hosts, tt.asked)
			}
		})
	}
}
