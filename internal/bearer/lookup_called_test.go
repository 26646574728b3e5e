package bearer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwtverify"
)

// A provider that refuses a token has answered: a client's tokens must not look like its failure.
func TestLookupCalled(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		fail bool
	}{
		{"an answer", nil, false},
		{"a refusal of the token", fmt.Errorf("userinfo: %w", &jwtverify.Error{Name: "invalid_token"}), false},
		{"a refusal of us", &fetch.StatusError{Status: 401}, true},
		{"a fault", &fetch.StatusError{Status: 503}, true},
		{"no answer", errors.New("connection refused"), true},
	} {
		calls, failures := 0, 0
		l := NewLookup(time.Now, func(_ time.Duration, err error) {
			calls++
			if err != nil {
				failures++
			}
		})
		for range 2 {
			_, _ = l.Ask(t.Context(), "token", func(context.Context) (Answer, error) { return Answer{Value: "x", Bytes: 1, TTL: time.Hour}, tt.err })
		}
		want := 1 // the second is remembered
		if tt.err != nil {
			want = 2
		}
		if calls != want || failures > 0 != tt.fail {
			t.Errorf("%s: %d calls, %d failures, want %d, failed: %v", tt.name, calls, failures, want, tt.fail)
		}
	}
}
