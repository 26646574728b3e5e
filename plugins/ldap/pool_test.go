package ldap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

func noCache(c *Config) { c.SessionCacheTTL = new(int) }

// Whom a connection is bound as is its state: what searches is never bound as a user.
func TestSearchesAreNeverAUsers(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, func(c *Config) {
		noCache(c)
		c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "dc=test", "(member={{dn}})"
	}))
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			password := []string{"wonderland", "guess"}[i%2]
			for range 5 {
				res, err := p.Verify(t.Context(), basic("alice", password).Build())
				if err != nil || (res.Verdict == plugins.Allow) != (password == "wonderland") {
					t.Errorf("Verify(%s) = %v, %v", password, res.Verdict, err)
				}
			}
		})
	}
	all.Wait()
	bound := map[string]string{}
	searched := 0
	for _, line := range f.log() {
		n, what, _ := strings.Cut(line, " ")
		if dn, ok := strings.CutPrefix(what, "bind "); ok {
			bound[n] = dn
		} else if searched++; bound[n] != serviceDN {
			t.Errorf("connection %s, bound as %q, was used to %s", n, bound[n], what)
		}
	}
	if searched == 0 {
		t.Error("nothing was searched for")
	}
	if f.dialed() > 2*defaultMaxConnections {
		t.Errorf("%d connections, want at most %d", f.dialed(), 2*defaultMaxConnections)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, noCache))
	for range 10 {
		verify(t, p, "alice", "wonderland")
		verify(t, p, "alice", "guess")
	}
	if f.dialed() != 2 {
		t.Errorf("20 logins opened %d connections, want one to search and one for passwords", f.dialed())
	}
}

func TestAnonymousSearch(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, func(c *Config) { c.Connection.BindDN, c.Connection.BindCredentials = "", "" }))
	if res := verify(t, p, "alice", "wonderland"); res.Verdict != plugins.Allow {
		t.Errorf("Verify = %v, want allow", res.Verdict)
	}
	if got := f.log(); len(got) != 2 || !strings.HasPrefix(got[0], "1 search") {
		t.Errorf("asked %q, want a search before any bind", got)
	}
}

// Connections that the server closed are replaced, and nobody notices.
func TestDeadConnectionsAreReplaced(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, noCache))
	for range 10 {
		verify(t, p, "alice", "wonderland")
		f.cut()
	}
	verify(t, p, "alice", "wonderland")
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := inBubble(&fake{gate: make(chan struct{})})
		p := buildInBubble(t, f, config(f, func(c *Config) { noCache(c); c.Connection.MaxConnections = 3 }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, err := p.Verify(ctx, basic("alice", fmt.Sprint("guess", i)).Build()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Verify = %v, want a deadline", err)
				}
			})
		}
		synctest.Wait()
		if got := f.open(); got != 6 {
			t.Errorf("%d connections for 20 logins, want 3 to search and 3 for passwords", got)
		}
		all.Wait()
		close(f.gate)
	})
}

// goroutines is how many there are more than before, those that have ended and are not yet counted out left aside.
func goroutines(before int) int {
	for range 100_000 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		runtime.Gosched()
	}
	return runtime.NumGoroutine() - before
}

// A plugin that is not used holds neither connections nor goroutines.
func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := inBubble(&fake{})
		before := runtime.NumGoroutine()
		p := buildInBubble(t, f, config(f, noCache))
		if got := goroutines(before); got != 0 {
			t.Errorf("a new plugin has %d goroutines", got)
		}
		verify(t, p, "alice", "wonderland")
		time.Sleep(9 * time.Second)
		verify(t, p, "alice", "wonderland")
		synctest.Wait()
		if f.dialed() != 2 || f.open() != 2 {
			t.Errorf("%d connections opened, %d open, want the first two", f.dialed(), f.open())
		}
		f.log()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if f.open() != 0 || goroutines(before) != 0 {
			t.Errorf("%d connections open and %d goroutines left when idle", f.open(), goroutines(before))
		}
		if got := f.log(); !slices.Equal(got, []string{"1 unbind", "2 unbind"}) && !slices.Equal(got, []string{"2 unbind", "1 unbind"}) {
			t.Errorf("asked %q, want goodbyes", got)
		}
		if res := verify(t, p, "alice", "wonderland"); res.Verdict != plugins.Allow {
			t.Errorf("Verify after that = %v, want allow", res.Verdict)
		}
	})
}

func TestCloseClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := inBubble(&fake{})
		before := runtime.NumGoroutine()
		p := buildInBubble(t, f, config(f, nil))
		verify(t, p, "alice", "wonderland")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, remembered := p.verdicts.Get(p.key.MAC("alice", "wonderland"))
		if f.open() != 0 || goroutines(before) != 0 || remembered {
			t.Errorf("%d connections and %d goroutines left, the login is remembered: %v", f.open(), goroutines(before), remembered)
		}
	})
}

// A server that takes connections and says nothing costs one timeout for each that is tried, and no more.
func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		within time.Duration
		want   time.Duration
	}{
		{"the default", nil, time.Minute, 3 * time.Second},
		{"an option", func(c *Config) { c.Connection.Timeout = 500 }, time.Minute, 500 * time.Millisecond},
		{"the time to connect is shorter", func(c *Config) { c.Connection.ConnectTimeout = 100 }, time.Minute, 100 * time.Millisecond},
		{"the request's time is shorter", nil, time.Second, time.Second},
		{"two servers", func(c *Config) { c.Connection.URL = append(c.Connection.URL, "ldap://2") }, time.Minute, 6 * time.Second},
		{"two servers share the request's time", func(c *Config) { c.Connection.URL = append(c.Connection.URL, "ldap://2") }, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := inBubble(&fake{deaf: true})
				p := buildInBubble(t, f, config(f, tt.change))
				ctx, cancel := context.WithTimeout(t.Context(), tt.within)
				defer cancel()
				start := time.Now()
				_, err := p.Verify(ctx, basic("alice", "wonderland").Build())
				if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != tt.want {
					t.Errorf("Verify = %v after %v, want a deadline after %v", err, took, tt.want)
				}
				synctest.Wait()
				if f.open() != 0 {
					t.Errorf("%d connections left", f.open())
				}
			})
		})
	}
}

func TestFailover(t *testing.T) {
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = down.Close()
	second := serve(t, &fake{})
	for name, first := range map[string]*fake{
		"down":        {url: "ldap://" + down.Addr().String()},
		"deaf":        serve(t, &fake{deaf: true}),
		"unavailable": serve(t, &fake{bindCodes: map[string]uint16{serviceDN: ldap.LDAPResultUnavailable}}),
		"busy":        serve(t, &fake{codes: map[string]uint16{"(uid=alice)": ldap.LDAPResultBusy}}),
	} {
		t.Run(name, func(t *testing.T) {
			p := build(t, config(second, func(c *Config) {
				noCache(c)
				c.Connection.URL = plugins.List{first.url, second.url}
				c.Connection.Timeout = 3000 // ms: once, for the deaf one; much, for a busy machine
			}))
			for range 3 {
				if res := verify(t, p, "alice", "wonderland"); res.Verdict != plugins.Allow {
					t.Errorf("Verify = %v, want allow", res.Verdict)
				}
			}
			if first.listener != nil && first.dialed() > 1 {
				t.Errorf("the first server was asked %d times, want once", first.dialed())
			}
		})
	}
}

// A server that refuses the service account has spoken for all: asking the others would only lock it out sooner.
func TestRefusalIsNotFailedOver(t *testing.T) {
	first, second := serve(t, &fake{}), serve(t, &fake{})
	p := build(t, config(first, func(c *Config) {
		c.Connection.URL = plugins.List{first.url, second.url}
		c.Connection.BindCredentials = "wr0ng"
	}))
	if _, err := p.Verify(t.Context(), basic("alice", "wonderland").Build()); err == nil || second.dialed() != 0 {
		t.Errorf("Verify = %v, and the second server was asked %d times", err, second.dialed())
	}
}

// A wrong password is asked about once: more would lock the user out sooner.
func TestWrongPasswordIsSentOnce(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, func(c *Config) { c.Connection.URL = plugins.List{f.url, f.url} }))
	verify(t, p, "alice", "guess")
	if got := f.binds(); !slices.Equal(got, []string{aliceDN}) {
		t.Errorf("binds %q, want one", got)
	}
}

// A server that sends without end is cut off.
func TestAnswersAreBounded(t *testing.T) {
	c := &boundedConn{Conn: endless{}}
	c.left.Store(maxAnswer)
	n, err := io.Copy(io.Discard, c)
	if !errors.Is(err, errTooLong) || n < maxAnswer || n > maxAnswer+1<<20 {
		t.Errorf("read %d bytes, %v, want 16 MiB", n, err)
	}
}

type endless struct{ net.Conn }

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func BenchmarkNew(b *testing.B) {
	env := plugintest.Env(b)
	c := config(&fake{url: "ldap://h"}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(c, env); err != nil {
			b.Fatal(err)
		}
	}
}
