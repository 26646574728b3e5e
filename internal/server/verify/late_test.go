package verify_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
	"github.com/easgate/easgate/plugins"
)

// slow takes as long as it is told, by the clock of the test, and denies.
type slow struct{ pass func() }

func (s slow) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	s.pass()
	return plugins.Result{}, nil
}

// ATTACKS 59: a step that takes all the time, and then one that would allow at once without looking at the clock.
func TestTooLate(t *testing.T) {
	for took, want := range map[time.Duration]int{time.Second: http.StatusOK, 10 * time.Second: http.StatusServiceUnavailable, time.Minute: http.StatusServiceUnavailable} {
		var passed atomic.Int64
		start := time.Now().Add(time.Hour) // so that no timer ends before the test's clock does
		f := verifytest.New(t, func(c *verify.Config) {
			c.Timeout = 10 * time.Second
			c.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
		})
		f.Plugins["slow"] = plugins.Of(func(struct{}, plugins.Env) (plugins.Plugin, error) {
			return slow{func() { passed.Add(int64(took)) }}, nil
		})
		res := f.Do(verifytest.Request("GET", `{"eas":{"plugins":[{"type":"slow"},{"type":"noop"}]}}`, ""))
		if res.StatusCode != want {
			t.Errorf("after %v: %d, want %d", took, res.StatusCode, want)
		}
	}
}
