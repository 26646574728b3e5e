package query

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/easgate/easgate/internal/problem"
)

// ErrUnknownEngine says that no engine of that name is built in or enabled.
var ErrUnknownEngine = errors.New("unknown query engine")

// ErrOutputs says that a query gave several values where its language can and its caller takes one.
var ErrOutputs = errors.New("more than one output")

// ErrMoment says that a query could not be compiled for what else the machine was doing at the moment. It says nothing
// about the query, and nobody may remember it for good.
var ErrMoment = errors.New("no query could be compiled at the moment")

// Again calls f, and once more after a pause if it fails for the moment. Whoever waits for what f does waits with it.
func Again(f func() error) error {
	err := f()
	if errors.Is(err, ErrMoment) {
		time.Sleep(100 * time.Millisecond)
		err = f()
	}
	return err
}

// An Engine compiles expressions of one query language.
type Engine interface {
	// Compile parses expr. It does no I/O; the error names the place in expr.
	Compile(expr string) (Query, error)
}

// A Query is a compiled expression, safe for concurrent use.
type Query interface {
	// Eval applies the query to data, a value as described at [Value].
	// It never changes data, and the result may share structure with it.
	// It returns when ctx ends. "Nothing found" is Undefined or an empty
	// []any, as the language has it, never an error.
	Eval(ctx context.Context, data any) (any, error)
}

// An Owned query is one that is evaluated where others wait for it. Those of one owner share what there is.
type Owned interface {
	Query
	// For returns the query as that owner's, any value that can be compared. Without, it owns itself.
	For(owner any) Query
}

// Engines are the languages in use, by the name that config tokens give them: jp, jq, jsonata, handlebars, js.
// A jp query yields []any, one element a match; the others yield one value.
type Engines map[string]Engine

// Compile compiles expr with the named engine.
func (e Engines) Compile(engine, expr string) (Query, error) {
	eng, ok := e[engine]
	if !ok {
		return nil, problem.Suggest(ErrUnknownEngine, engine, slices.Sorted(maps.Keys(e))...)
	}
	return eng.Compile(expr)
}

// A Native engine means something else in native tokens than in those of external-auth-server's format, which follow
// its libraries to the letter.
type Native interface {
	Engine
	// CompileNative is Compile for native tokens: one value and a list of one are the same, integers beyond 2⁵³ keep their
	// digits, and what would only fail when it is evaluated is refused.
	CompileNative(expr string) (Query, error)
}

// CompileNative compiles expr with the named engine as native tokens mean it.
func (e Engines) CompileNative(engine, expr string) (Query, error) {
	if native, ok := e[engine].(Native); ok {
		return native.CompileNative(expr)
	}
	return e.Compile(engine, expr)
}
