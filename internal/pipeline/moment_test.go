package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// overloaded is an engine that compiles nothing as long as fail says so.
type overloaded struct {
	mu       sync.Mutex
	fail     int // how often yet
	compiled int
	owner    any
}

func (o *overloaded) Compile(string) (query.Query, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.compiled++
	if o.fail > 0 {
		o.fail--
		return nil, fmt.Errorf("%w: all VMs are busy", query.ErrMoment)
	}
	return ownedQuery{constant{v: true}, o}, nil
}

type ownedQuery struct {
	constant
	engine *overloaded
}

func (q ownedQuery) For(owner any) query.Query {
	q.engine.owner = owner
	return q
}

const busyRules = `{"jti":%q,"eas":{"plugins":[{"type":"noop","pcb":{"stop":[{"query_engine":"busy","query":"x","rule":{"method":"eq","value":true}}]}}]}}`

func newBusyWorld(t *testing.T, engine *overloaded) *world {
	t.Helper()
	return newWorld(t, func(c *Config) { c.Compiler.Env.Query = query.Engines{"busy": engine} })
}

// ATTACKS 71: a token that could not be compiled while a machine was overloaded works as soon as it no longer is; in
// external-auth-server's format, too, where a rule that does not compile is otherwise the token's own.
func TestMoment(t *testing.T) {
	for name, format := range map[string]configtoken.Format{"native": configtoken.Native, "eas": configtoken.EAS} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := &overloaded{fail: 1}
				w := newBusyWorld(t, engine)
				token := Reference{Token: fmt.Sprintf(busyRules, "x")}
				w.opener.format = format

				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						if _, err := w.Pipeline(t.Context(), token); err != nil {
							t.Errorf("one try later: %v", err)
						}
					})
				}
				wg.Wait()
				if engine.compiled != 2 {
					t.Errorf("compiled %d times, want once and once again for all", engine.compiled)
				}
				if engine.owner == nil {
					t.Error("the query has no owner")
				}

				w.pipelines.Clear()
				engine.fail, engine.compiled = 4, 0
				for range 3 {
					if err := w.get(t, token); !errors.Is(err, query.ErrMoment) {
						t.Errorf("overloaded: %v, want %v", err, query.ErrMoment)
					}
				}
				if err := w.get(t, Reference{Token: " " + token.Token}); !errors.Is(err, query.ErrMoment) {
					t.Errorf("another spelling: %v, want %v", err, query.ErrMoment)
				}
				if engine.compiled != 2 {
					t.Errorf("compiled %d times within the pause, want 2", engine.compiled)
				}
				w.now = w.now.Add(firstPause)
				if err := w.get(t, token); !errors.Is(err, query.ErrMoment) || engine.compiled != 4 {
					t.Errorf("after the pause: %v, compiled %d times, want %v and 4", err, engine.compiled, query.ErrMoment)
				}
				w.now = w.now.Add(firstPause)
				if err := w.get(t, token); !errors.Is(err, query.ErrMoment) || engine.compiled != 4 {
					t.Errorf("the second pause is no longer than the first: %v", err)
				}
				w.now = w.now.Add(firstPause)
				for range 2 {
					if err := w.get(t, token); err != nil || engine.compiled != 5 {
						t.Errorf("when the load has ended: %v, compiled %d times", err, engine.compiled)
					}
				}
			})
		})
	}
}

// What is wrong with a token itself is remembered for good.
func TestContent(t *testing.T) {
	engine := &overloaded{}
	w := newBusyWorld(t, engine)
	w.opener.format = configtoken.Native
	token := Reference{Token: `{"eas":{"plugins":[{"type":"noop","pcb":{"stop":[{"query_engine":"busy","query":"x","rule":{"method":"none"}}]}}]}}`}
	first := w.get(t, token)
	w.now = w.now.Add(time.Hour)
	if err := w.get(t, token); err == nil || err != first || w.opener.opened.Load() != 1 {
		t.Errorf("%v, then %v, opened %d times", first, err, w.opener.opened.Load())
	}
}

// A file that is not there may be there later.
func TestMissingFile(t *testing.T) {
	missing := true
	w := newWorld(t, func(c *Config) {
		c.Compiler.Plugins["file"] = plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) {
			if missing {
				return nil, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
			}
			return closing{}, nil
		})
	})
	w.opener.format = configtoken.Native
	token := Reference{Token: `{"eas":{"plugins":[{"type":"file"}]}}`}
	if err := w.get(t, token); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	missing = false
	w.now = w.now.Add(firstPause)
	if err := w.get(t, token); err != nil {
		t.Errorf("with the file: %v", err)
	}
}
