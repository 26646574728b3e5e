package forward_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/plugintest"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var refused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

// A service that is down is left alone, and costs nothing. What a client can cause does not make it look down.
func TestBreaker(t *testing.T) {
	fails := func(err error) roundTrip { return func(*http.Request) (*http.Response, error) { return nil, err } }
	for _, tt := range []struct {
		name    string
		service roundTrip
		want    int32 // of 30 requests reach the service
	}{
		{"connection refused", fails(refused), 10},
		{"it does not answer", func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		}, 10},
		{"it does not answer within the transport's time", fails(fmt.Errorf("handshake: %w", os.ErrDeadlineExceeded)), 10},
		{"it breaks off", fails(&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}), 30},
		{"it answers something else", fails(errors.New("malformed HTTP response")), 30},
		{"the client leaves", fails(fmt.Errorf("wrapped: %w", context.Canceled)), 30},
		{"the client leaves while dialling", fails(&net.OpError{Op: "dial", Err: context.Canceled}), 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				p := through(t, func(r *http.Request) (*http.Response, error) {
					asked.Add(1)
					return tt.service(r)
				})
				for range 30 {
					if res, err := p.Verify(t.Context(), plugintest.Request{}.Build()); err == nil || res.Verdict == plugins.Allow {
						t.Fatalf("Verify = %v, %v, want an error", res.Verdict, err)
					}
				}
				if got := asked.Load(); got != tt.want {
					t.Errorf("30 requests asked the service %d times, want %d", got, tt.want)
				}
			})
		})
	}
}

// A verification that had no time left says nothing about the service.
func TestBreakerIgnoresTheVerificationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := true
		p := through(t, func(r *http.Request) (*http.Response, error) {
			if slow {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
		})
		for range 30 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := p.Verify(ctx, plugintest.Request{}.Build()); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Verify = %v, want a deadline", err)
			}
			cancel()
		}
		slow = false
		allowed(t, p, nil)
	})
}

// One client who waits must not be the only one to find out that the service is back.
func TestBreakerProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		leave := make(chan struct{})
		p := through(t, func(r *http.Request) (*http.Response, error) {
			switch {
			case down:
				return nil, refused
			case r.Header.Get("X-Slow") != "":
				<-leave
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
		})
		for range 10 {
			_, _ = p.Verify(t.Context(), plugintest.Request{}.Build())
		}
		down = false
		if _, err := p.Verify(t.Context(), plugintest.Request{}.Build()); err == nil {
			t.Error("Verify = nil right after the failures, want an error")
		}
		time.Sleep(6 * time.Second)
		go func() { _, _ = p.Verify(t.Context(), plugintest.Request{Header: http.Header{"X-Slow": {"1"}}}.Build()) }()
		synctest.Wait()
		for range 30 {
			allowed(t, p, nil)
		}
		close(leave)
	})
}

// ATTACKS 63: headers that a service does not take deny who sent them, and nobody else.
func TestHeadersTooLargeForTheService(t *testing.T) {
	limited := func(http2 bool) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.Config.MaxHeaderBytes = 16 << 10
		s.EnableHTTP2 = http2
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, tt := range []struct {
		name, url string
		bytes     int
	}{
		{"a service over HTTP/2 with a limit of its own", limited(true), 28_000},
		{"one over HTTP/1.1", limited(false), 28_000},
		{"one that resets the connection", resetting(t, 20_000), 28_000},
		{"more than max_header", limited(false), 40_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := build(t, forward.Config{URL: plugins.Secret(tt.url), AllowInsecure: true})
			allowed(t, p, nil)
			for range 30 {
				h := http.Header{"X-Large": {strings.Repeat("x", tt.bytes)}}
				res, err := p.Verify(t.Context(), plugintest.Request{Header: h}.Build())
				if res.Verdict == plugins.Allow {
					t.Fatalf("Verify(%d bytes) = allow", tt.bytes)
				}
				if tooMany := tt.bytes > 32<<10; tooMany && (err != nil || res.StatusCode() != 431) {
					t.Errorf("Verify(%d bytes) = %d, %v, want 431", tt.bytes, res.StatusCode(), err)
				}
			}
			allowed(t, p, nil)
		})
	}
}

// resetting serves HTTP and resets connections whose request is longer than limit, as Node.js does.
func resetting(t *testing.T, limit int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go reset(c, limit)
		}
	}()
	return "http://" + l.Addr().String()
}

func reset(c net.Conn, limit int) {
	defer func() { _ = c.Close() }()
	var request []byte
	for b := make([]byte, 4096); ; {
		n, err := c.Read(b)
		if request = append(request, b[:n]...); err != nil {
			return
		}
		if len(request) > limit {
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		}
		if strings.HasSuffix(string(request), "\r\n\r\n") {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			request = nil
		}
	}
}

// through builds a plugin whose requests go through service.
func through(t *testing.T, service roundTrip) plugins.Plugin {
	t.Helper()
	e := plugintest.Env(t)
	e.Now, e.HTTP = time.Now, &http.Client{Transport: service}
	p, err := forward.New(forward.Config{URL: "http://auth.test"}, e)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func allowed(t *testing.T, p plugins.Plugin, h http.Header) {
	t.Helper()
	if res, err := p.Verify(t.Context(), plugintest.Request{Header: h}.Build()); err != nil || res.Verdict != plugins.Allow {
		t.Fatalf("Verify = %v %q, %v, want allow", res.Verdict, res.Reason, err)
	}
}
