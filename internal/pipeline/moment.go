package pipeline

import (
	"errors"
	"io/fs"
	"time"

	"github.com/easgate/easgate/internal/query"
)

const (
	// After a compilation that failed for the moment the next one waits, and twice as long each time.
	firstPause, longestPause = time.Second, time.Minute
)

// failure is a compilation that failed for the moment.
type failure struct {
	err   error
	pause time.Duration
	until time.Time
}

// again reports whether compiling may succeed where err is why it failed.
func again(err error) bool {
	var file *fs.PathError
	return errors.Is(err, query.ErrMoment) || errors.As(err, &file)
}

// An attempt is one compilation as the query engines see it. It is the owner of the queries, which share VMs, and notes
// what failed for the moment only: in a token of external-auth-server's format a query that does not compile is no
// error of the token.
type attempt struct{ moment error }

// engines returns e for this attempt.
func (a *attempt) engines(e query.Engines) query.Engines {
	own := make(query.Engines, len(e))
	for name, engine := range e {
		own[name] = tracked{engine, a}
	}
	return own
}

type tracked struct {
	query.Engine
	attempt *attempt
}

// Compile implements [query.Engine].
func (t tracked) Compile(expr string) (query.Query, error) {
	q, err := t.Engine.Compile(expr)
	return t.attempt.note(q, err)
}

// CompileNative implements [query.Native].
func (t tracked) CompileNative(expr string) (query.Query, error) {
	native, ok := t.Engine.(query.Native)
	if !ok {
		return t.Compile(expr)
	}
	q, err := native.CompileNative(expr)
	return t.attempt.note(q, err)
}

func (a *attempt) note(q query.Query, err error) (query.Query, error) {
	if errors.Is(err, query.ErrMoment) {
		a.moment = err
	}
	if owned, ok := q.(query.Owned); ok && err == nil {
		q = owned.For(a)
	}
	return q, err
}
