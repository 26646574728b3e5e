package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// An engine compiles the queries of one library.
type engine struct {
	sandbox *Sandbox
	kind    kind
}

// Compile parses expr in a VM, which takes some milliseconds when it is the first of its kind.
func (e engine) Compile(expr string) (query.Query, error) {
	src, err := e.sandbox.compile(context.Background(), e.kind, expr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.kind, err)
	}
	return compiled{e.sandbox.pools[e.kind], src}, nil
}

// laxEngine is jsonpath, which knows a lax path by the control character before it.
type laxEngine struct{ engine }

// CompileNative implements [query.Native].
func (e laxEngine) CompileNative(expr string) (query.Query, error) { return e.Compile("\x01" + expr) }

const (
	// maxSource bounds the text of a query, and maxStrange that of a stranger's, in bytes.
	maxSource, maxStrange = 64 << 10, 4 << 10
	// compileTime is the time for compiling, in multiples of Limits.Time.
	compileTime = 10
)

// compile gives text an identity and checks that it compiles.
func (s *Sandbox) compile(ctx context.Context, k kind, text string) (source, error) {
	limit := maxSource
	if s.strangers {
		limit = maxStrange
	}
	if len(text) > limit {
		return source{}, fault{fmt.Sprintf("longer than %d bytes", limit)}
	}
	src := s.source(text)
	p := s.compilers[k]
	_, err := p.do(ctx, nil, compileTime*p.options.Limits.Time, func(m *machine, deadline time.Time) (any, error) {
		return nil, m.check(src, deadline)
	})
	for _, moment := range []error{ErrTime, ErrMemory, errBusy, errBoot, errClosed} {
		if errors.Is(err, moment) {
			return src, fmt.Errorf("%w: %w", query.ErrMoment, err)
		}
	}
	return src, err
}

func (s *Sandbox) source(text string) source {
	id := s.lastID.Add(1)
	return source{id: id, text: text, owner: id}
}

type compiled struct {
	pool *pool
	src  source
}

// For implements [query.Owned].
func (c compiled) For(owner any) query.Query {
	c.src.owner = owner
	return c
}

// Eval implements query.Query.
func (c compiled) Eval(ctx context.Context, data any) (any, error) {
	return c.pool.eval(ctx, c.src, data)
}

// dataShare is the part of a VM's memory that the text of its data may take: parsed, it takes several times as much.
const dataShare = 8

func (p *pool) eval(ctx context.Context, src source, data query.Value) (any, error) {
	text, err := encode(data)
	if err == nil && len(text.json) > p.options.Limits.Memory/dataShare {
		err = ErrMemory
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.kind, err)
	}
	v, err := p.do(ctx, src.owner, p.options.Limits.Time, func(m *machine, deadline time.Time) (any, error) {
		return m.eval(src, text, deadline)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.kind, err)
	}
	return v, nil
}
