package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

func TestLoginIsRemembered(t *testing.T) {
	seconds := func(n int) *int { return &n }
	for _, tt := range []struct {
		name  string
		ttl   *int
		after time.Duration
		want  int
	}{
		{"within the default", nil, 900*time.Second - 1, 1},
		{"after the default", nil, 900 * time.Second, 2},
		{"within an option", seconds(30), 30*time.Second - 1, 1},
		{"after an option", seconds(30), 30 * time.Second, 2},
		{"never", seconds(0), 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, &fake{})
			env := plugintest.Env(t)
			now := plugintest.Now
			env.Now = func() time.Time { return now }
			p := buildIn(t, config(f, func(c *Config) { c.SessionCacheTTL = tt.ttl }), env)
			first := verify(t, p, "alice", "wonderland")
			now = now.Add(tt.after)
			second := verify(t, p, "alice", "wonderland")
			if got := len(f.binds()); got != tt.want {
				t.Errorf("%d binds, want %d", got, tt.want)
			}
			if query.JSON(first.Data.UserInfo) != query.JSON(second.Data.UserInfo) || first.Identity.Subject != second.Identity.Subject {
				t.Errorf("answers %+v and %+v differ", first, second)
			}
			// What is remembered helps nobody who does not know it.
			for _, c := range [][2]string{{"alice", "wonderlane"}, {"alic", "e:wonderland"}, {"alice:wonderland", "x"}, {"Alice", "wonderland"}} {
				if res := verify(t, p, c[0], c[1]); res.Verdict != plugins.Deny || len(f.binds()) != 1 {
					t.Errorf("Verify(%s, %s) = %v, want a deny that asks", c[0], c[1], res.Verdict)
				}
			}
		})
	}
}

// A failure must be asked about again, and must not become a success because another one was.
func TestFailuresAreNotRemembered(t *testing.T) {
	f := serve(t, &fake{})
	p := build(t, config(f, nil))
	for range 3 {
		for _, user := range []string{"alice", "carol"} {
			if res := verify(t, p, user, "guess"); res.Verdict != plugins.Deny || len(f.binds()) != 1 {
				t.Errorf("Verify(%s, guess) = %v, want a deny that asks", user, res.Verdict)
			}
		}
		verify(t, p, "alice", "wonderland")
		f.log()
	}
}

func TestConcurrentLoginsShareOne(t *testing.T) {
	for _, password := range []string{"wonderland", "guess"} {
		synctest.Test(t, func(t *testing.T) {
			f := inBubble(&fake{gate: make(chan struct{})})
			p := buildInBubble(t, f, config(f, nil))
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					res, err := p.Verify(t.Context(), basic("alice", password).Build())
					if err != nil || (res.Verdict == plugins.Allow) != (password == "wonderland") {
						t.Errorf("Verify(%s) = %v, %v", password, res.Verdict, err)
					}
				})
			}
			synctest.Wait()
			close(f.gate)
			all.Wait()
			if got := len(f.binds()); got != 1 {
				t.Errorf("20 logins at once made %d binds, want 1", got)
			}
		})
	}
}

// When the client leaves whose request asks for all, the others still get their answer.
func TestTheFirstClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := inBubble(&fake{gate: make(chan struct{})})
		p := buildInBubble(t, f, config(f, nil))
		ctx, leave := context.WithCancel(t.Context())
		answers := make(chan error, 2)
		ask := func(ctx context.Context) {
			res, err := p.Verify(ctx, basic("alice", "wonderland").Build())
			if err == nil && res.Verdict != plugins.Allow {
				err = errors.New(res.Reason)
			}
			answers <- err
		}
		go ask(ctx)
		synctest.Wait()
		go ask(t.Context())
		synctest.Wait()
		leave()
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("Verify of the client who left = %v, want canceled", err)
		}
		synctest.Wait()
		close(f.gate)
		if err := <-answers; err != nil {
			t.Errorf("Verify of the client who stayed = %v, want allow", err)
		}
		if got := f.binds(); len(got) != 1 {
			t.Errorf("%d binds, want one for both", len(got))
		}
	})
}

type panicking struct{}

func (panicking) Compile(string) (query.Query, error)    { return panicking{}, nil }
func (panicking) Eval(context.Context, any) (any, error) { panic("boom") }

// The pipeline recovers from panics of the request's goroutine; one in any other would end the process.
func TestPanicIsAnError(t *testing.T) {
	f := serve(t, &fake{})
	env := plugintest.Env(t)
	env.Query = query.Engines{"jp": panicking{}}
	p := buildIn(t, config(f, func(c *Config) {
		c.Assertions.UserInfo = assertion.Rules(`[{"query_engine": "jp", "query": "x", "rule": {"method": "eq", "value": "x"}}]`)
	}), env)
	if res, err := p.Verify(t.Context(), basic("alice", "wonderland").Build()); err == nil || strings.Contains(err.Error(), "boom") {
		t.Errorf("Verify = %v, %v, want an error without the value", res.Verdict, err)
	}
}

// One slow answer is an error for all who wait for it, not a reason to ask twenty times.
func TestErrorsAreShared(t *testing.T) {
	f := serve(t, &fake{codes: map[string]uint16{"(uid=alice)": ldap.LDAPResultInsufficientAccessRights}})
	p := build(t, config(f, nil))
	if _, err := p.Verify(t.Context(), basic("alice", "x").Build()); err == nil || !strings.HasPrefix(err.Error(), "ldap: user search:") {
		t.Errorf("Verify = %v, want an error of the user search", err)
	}
	if got := f.log(); slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "bind "+aliceDN) }) {
		t.Errorf("asked %q after the search failed", got)
	}
}
