package sandbox

import (
	"context"
	"fmt"
	"regexp"

	"github.com/easgate/easgate/internal/query"
)

// A Script is JavaScript with named inputs. Setup and Result are the caller's own code, Body is a config
// token's; none sees the others' variables. The language is ES2023 in sloppy mode without modules. There are
// setTimeout, whose timers fire at once, in order, and a console that prints nothing.
type Script struct {
	// Params are the names of the inputs, in the order in which Run takes them.
	Params []string
	// Setup is run first, with the inputs as parameters: it gives them methods, for example. It may be empty.
	Setup string
	// Body is the body of a function with the inputs as parameters; it may await and return.
	Body string
	// Result is an expression over the inputs, whose value is what Run returns. Empty means what Body returned.
	Result string
}

// A Program is a Script compiled, safe for concurrent use.
type Program struct {
	pool *pool
	src  source
}

// awaits tells apart a body that has to be that of an async function. A false positive costs microseconds.
var awaits = regexp.MustCompile(`\bawait\b`)

// Compile checks the syntax of s.
func (s *Sandbox) Compile(sc Script) (*Program, error) {
	return s.program(sc, awaits.MatchString(sc.Body))
}

// bigLiteral finds the literals of big integers, and what looks like them in texts.
var bigLiteral = regexp.MustCompile(`\b[0-9][0-9A-Fa-fXxOoBb_]*n\b`)

func (s *Sandbox) program(sc Script, async bool) (*Program, error) {
	if s.strangers && bigLiteral.MatchString(sc.Body) {
		return nil, fmt.Errorf("js: %w", fault{"BigInt is not available"})
	}
	params := make([]any, len(sc.Params))
	for i, p := range sc.Params {
		params[i] = p
	}
	spec := query.NewObject(5)
	spec.Set("params", params)
	spec.Set("setup", sc.Setup)
	spec.Set("body", sc.Body)
	spec.Set("result", sc.Result)
	spec.Set("async", async)
	src, err := s.compile(context.Background(), script, query.JSON(spec))
	if err != nil {
		return nil, fmt.Errorf("js: %w", err)
	}
	return &Program{s.pools[script], src}, nil
}

// Run runs the program on inputs, one value a parameter. They are copied: the program changes its own.
// The result is what JSON can carry of it; undefined at its top is query.Undefined.
func (p *Program) Run(ctx context.Context, inputs ...query.Value) (query.Value, error) {
	return p.pool.eval(ctx, p.src, inputs)
}

type scripts struct{ sandbox *Sandbox }

// Compile checks the syntax of body.
func (e scripts) Compile(body string) (query.Query, error) {
	p, err := e.sandbox.Compile(Script{Params: []string{"data"}, Body: body})
	if err != nil {
		return nil, err
	}
	return scriptQuery{p}, nil
}

type scriptQuery struct{ program *Program }

// For implements [query.Owned].
func (q scriptQuery) For(owner any) query.Query {
	p := *q.program
	p.src.owner = owner
	return scriptQuery{&p}
}

// Eval implements query.Query.
func (q scriptQuery) Eval(ctx context.Context, data any) (any, error) {
	return q.program.Run(ctx, data)
}
