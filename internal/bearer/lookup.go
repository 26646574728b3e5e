package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jws"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/internal/query"
)

const (
	lookupTimeout = 8 * time.Second
	maxAnswers    = 4 << 20 // bytes
)

// A Lookup asks a provider about tokens, and remembers what it said for as long as the configuration allows. Requests
// with the same token share one question. It is safe for concurrent use.
type Lookup struct {
	answers *memo.Memory[jws.Hash, query.Value]
	called  func(took time.Duration, err error)
}

// NewLookup returns a Lookup that knows nothing yet. called is told how each question went; a provider that refuses a
// token has answered.
func NewLookup(now func() time.Time, called func(took time.Duration, err error)) *Lookup {
	return &Lookup{called: called, answers: memo.New(memo.Options[jws.Hash, query.Value]{Bytes: maxAnswers, Now: now})}
}

// An Answer is what a provider said: the value, how many bytes its text had, and how long it may be remembered.
type Answer = memo.Entry[query.Value]

// Ask returns what is remembered about token, or asks. An error of ask that is a [*jwtverify.Error] is about the
// token. The context of ask does not end with ctx, because others may wait for it.
func (l *Lookup) Ask(ctx context.Context, token string,
	ask func(context.Context) (Answer, error)) (query.Value, error) {
	h := jws.HashOf(token)
	if v, ok := l.answers.Get(h); ok {
		return v, nil
	}
	return l.answers.Load(ctx, h, func(ctx context.Context) (Answer, error) {
		limited, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		start := time.Now()
		a, err := ask(limited)
		switch refused := (*jwtverify.Error)(nil); {
		case ctx.Err() != nil: // all clients left
		case errors.As(err, &refused):
			l.called(time.Since(start), nil) // clients cause it
		default:
			l.called(time.Since(start), err)
		}
		a.Bytes = 256 + 8*a.Bytes // a decoded text takes more
		return a, err
	})
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

// Schema implements strictjson.Describer.
func (Seconds) Schema() string { return `{"anyOf": [{"type": "number"}, {"type": "boolean"}]}` }

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
