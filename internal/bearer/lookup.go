package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/query"
)

const (
	lookupTimeout   = 8 * time.Second
	maxAnswers      = 4096
	maxAnswersBytes = 4 << 20
)

// A Lookup asks a provider about tokens, and remembers what it said for as long as the configuration allows. Requests
// with the same token share one question. It is safe for concurrent use.
type Lookup struct {
	now     func() time.Time
	answers memory[answer]
	flights singleflight.Group
	called  func(took time.Duration, err error)
}

type answer struct {
	value query.Value
	until time.Time
}

// NewLookup returns a Lookup that knows nothing yet. called is told how each question went; a provider that refuses a token
// has answered.
func NewLookup(now func() time.Time, called func(took time.Duration, err error)) *Lookup {
	return &Lookup{now: now, called: called, answers: memory[answer]{maxEntries: maxAnswers, maxBytes: maxAnswersBytes}}
}

// An Ask puts one question. It returns the answer, about how many bytes it holds, and how long it may be remembered, 0
// for not at all. A [*jwtverify.Error] is about the token.
type Ask func(ctx context.Context) (v query.Value, bytes int, ttl time.Duration, err error)

// Ask returns what is remembered about token, or asks. The context of ask does not end with ctx, because others may wait
// for it.
func (l *Lookup) Ask(ctx context.Context, token string, ask Ask) (query.Value, error) {
	h := hashOf(token)
	if a, ok := l.answers.Get(h); ok && l.now().Before(a.until) {
		return a.value, nil
	}
	done := l.flights.DoChan(string(h[:]), func() (_ any, err error) {
		defer func() {
			// A panic in singleflight's goroutine would end the process.
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %T", p)
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		start := time.Now()
		v, bytes, ttl, err := ask(ctx)
		if refused := (*jwtverify.Error)(nil); errors.As(err, &refused) {
			l.called(time.Since(start), nil) // clients cause it
		} else {
			l.called(time.Since(start), err)
		}
		if err == nil && ttl > 0 {
			l.answers.Put(h, answer{v, l.now().Add(ttl)}, 256+8*bytes)
		}
		return v, err
	})
	select {
	case res := <-done:
		return res.Val, res.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// FetchObject sends req and reads a JSON object, and about how many bytes it has; see [fetch.Do].
// With exact, integers beyond 2⁵³ keep their digits.
func FetchObject(client *http.Client, req *http.Request, exact bool) (o *query.Object, size int, err error) {
	req.Header.Set("Accept", "application/json")
	text, _, err := fetch.Do(client, req)
	if err != nil {
		return nil, 0, err
	}
	o, err = ParseObject(text, exact)
	return o, len(text), err
}

// ParseObject reads a provider's answer. Errors do not quote it: it may be about a user.
func ParseObject(text []byte, exact bool) (*query.Object, error) {
	v, err := query.Parse(text, exact)
	if err != nil {
		return nil, errors.New("answer is not JSON")
	}
	o, ok := v.(*query.Object)
	if !ok {
		return nil, errors.New("answer is not an object")
	}
	return o, nil
}

// Seconds is how long an answer may be remembered: in JSON a number of seconds, or true for as long as the token lives.
type Seconds struct {
	// Number is the seconds, 0 for not at all.
	Number float64
	// Token says that it was true.
	Token bool
}

// UnmarshalJSON takes a number, a boolean or null.
func (s *Seconds) UnmarshalJSON(raw []byte) error {
	*s = Seconds{}
	if json.Unmarshal(raw, &s.Token) == nil || json.Unmarshal(raw, &s.Number) == nil {
		return nil
	}
	return errors.New("want seconds or true")
}

// maxTTL is for tokens that never expire.
const maxTTL = time.Hour

// TTL returns how long to remember something about t from now on, 0 for not at all.
func (s Seconds) TTL(t *jwtverify.Token, now time.Time) time.Duration {
	switch exp, ok := t.Claims["exp"].(float64); {
	case s.Number > 0:
		return time.Duration(min(s.Number, 1e6) * float64(time.Second))
	case s.Token && !ok:
		return maxTTL
	case s.Token:
		return time.Duration(min(max(exp-float64(now.Unix()), 0), 1e6) * float64(time.Second))
	}
	return 0
}
