package jq

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/itchyny/gojq"

	"github.com/easgate/easgate/internal/query"
)

// Defaults of Limits.
const (
	DefaultTime   = 50 * time.Millisecond
	DefaultMemory = 32 << 20
)

// Limits bound one evaluation.
type Limits struct {
	// Time is wall-clock time. Zero means DefaultTime.
	Time time.Duration
	// Memory is how large a value may become, in bytes, roughly; an evaluation may hold a few such
	// values at once. Zero means DefaultMemory.
	Memory int
}

func (l Limits) withDefaults() Limits {
	if l.Time <= 0 {
		l.Time = DefaultTime
	}
	if l.Memory <= 0 {
		l.Memory = DefaultMemory
	}
	return l
}

// Errors of evaluations.
var (
	// ErrTime says that an evaluation took longer than Limits.Time.
	ErrTime = errors.New("jq: time limit exceeded")
	// ErrMemory says that a value grew beyond Limits.Memory.
	ErrMemory = errors.New("jq: memory limit exceeded")
	// ErrOutputs says that a query yielded more than one value: there is no telling which one is meant.
	ErrOutputs = fmt.Errorf("jq: %w", query.ErrOutputs)
)

// maxSource bounds the text of a query, in bytes.
const maxSource = 16 << 10

type engine struct {
	limits     Limits
	restricted bool
	native     bool
	// slow leaves a processor to others, where there are several: slow queries wait for each other.
	slow chan struct{}
}

func newEngine(l Limits) engine {
	return engine{limits: l.withDefaults(), slow: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// New returns the engine for queries of config tokens.
func New(l Limits) query.Engine { return newEngine(l) }

// NewRestricted returns the engine for queries of strangers. It refuses, when it compiles, what is outside
// the subset described at the package.
func NewRestricted(l Limits) query.Engine {
	e := newEngine(l)
	e.restricted = true
	return e
}

// CompileNative implements [query.Native]: integers beyond 2⁵³ keep their digits, and regular expressions that stand
// in a query are checked.
func (e engine) CompileNative(expr string) (query.Query, error) {
	e.native = true
	return e.Compile(expr)
}

// Compile implements query.Engine.
func (e engine) Compile(expr string) (query.Query, error) {
	limit := maxSource
	if e.restricted {
		limit = maxRestricted
	}
	if len(expr) > limit {
		return nil, fmt.Errorf("jq: longer than %d bytes", limit)
	}
	ast, err := gojq.Parse(expr)
	if err != nil {
		return nil, fmt.Errorf("jq: %w", err)
	}
	if err := e.check(ast); err != nil {
		return nil, fmt.Errorf("jq: %w", err)
	}
	q := &compiled{limits: e.limits, slow: e.slow, order: literalKeys(ast), exact: e.native}
	q.prefix, ast = staticPath(ast)
	w := rewriter{all: e.restricted, own: make(map[string]bool), paths: make(map[string]bool)}
	w.query(ast, false)
	if isIdentity(ast) {
		return q, nil
	}
	q.code, err = gojq.Compile(ast, append(slices.Concat(orderedFuncs(e.limits.Memory), valueFuncs(e.limits.Memory)),
		gojq.WithFunction(guardName, 0, 0, guard(e.limits.Memory)),
		gojq.WithFunction(timesName, 2, 2, times(e.limits.Memory)))...)
	if err != nil {
		return nil, fmt.Errorf("jq: %w", err)
	}
	return q, nil
}

func (e engine) check(ast *gojq.Query) error {
	if e.restricted {
		if err := checkStranger(ast); err != nil {
			return err
		}
	}
	return check(ast, e.native)
}

type compiled struct {
	limits Limits
	slow   chan struct{}
	// prefix is the path with which the query starts: only what is there is converted for gojq.
	prefix []string
	// code is the rest, nil for nothing.
	code *gojq.Code
	// order is the keys of the query's object constructors, as they stand.
	order []string
	// exact: integers beyond 2⁵³ keep their digits.
	exact bool
}

// Eval implements query.Query. A query without output yields query.Undefined, one with several is an error.
func (c *compiled) Eval(ctx context.Context, data any) (any, error) {
	for _, key := range c.prefix {
		switch v := data.(type) {
		case *query.Object:
			data, _ = v.Get(key)
		case nil, query.Undefined:
			data = nil
		default:
			return nil, fmt.Errorf("jq: Cannot index %s with a key", typeName(v))
		}
	}
	if _, missing := data.(query.Undefined); missing {
		data = nil
	}
	if c.code == nil {
		return data, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, c.limits.Time, ErrTime)
	defer cancel()
	r := restorer{data: data, in: query.ToGo(data), order: c.order, exact: c.exact}
	p := &polite{Context: bounded, done: bounded.Done(), slow: c.slow}
	defer p.leave()
	out, err := single(c.code.RunWithContext(p, r.in, &r))
	if err != nil {
		if cause := context.Cause(bounded); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	if _, none := out.(query.Undefined); none {
		return out, nil
	}
	if size(out, c.limits.Memory) < 0 {
		return nil, ErrMemory
	}
	return r.value(out)
}

// single returns the one output of iter.
func single(iter gojq.Iter) (any, error) {
	out, ok := iter.Next()
	if !ok {
		return query.Undefined{}, nil
	}
	if err, failed := out.(error); failed {
		return nil, runtimeError(err)
	}
	more, ok := iter.Next()
	if !ok {
		return out, nil
	}
	if err, failed := more.(error); failed {
		return nil, runtimeError(err)
	}
	return nil, ErrOutputs
}

func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case float64, query.Integer:
		return "number"
	case string:
		return "string"
	}
	return "array"
}
