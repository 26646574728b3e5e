package sandbox

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// Defaults of [Limits].
const (
	DefaultTime   = 50 * time.Millisecond
	DefaultMemory = 32 << 20
)

// Errors that a caller can tell apart from a query's own.
var (
	// ErrTime says that an evaluation took longer than Limits.Time.
	ErrTime = errors.New("sandbox: time limit exceeded")
	// ErrMemory says that an evaluation needed more than Limits.Memory.
	ErrMemory = errors.New("sandbox: memory limit exceeded")
	// errBusy says that no VM became free in time.
	errBusy = errors.New("sandbox: all VMs are busy")
	// errBoot says that a VM could not be made.
	errBoot = errors.New("sandbox: no VM")
	// errClosed says that the sandbox was closed.
	errClosed = errors.New("sandbox: closed")
)

// Limits bound one evaluation.
type Limits struct {
	// Time is wall-clock time in the VM, its start not included. Zero means DefaultTime.
	Time time.Duration
	// Memory is what a VM may hold in bytes, 2 to 4 MB for the library included; its stack may take as much
	// again while it recurses. Zero means DefaultMemory.
	Memory int
}

// Options configure a Sandbox. The zero value is fit for use.
type Options struct {
	Limits Limits
	// VMs is how many VMs a language may have at once; further evaluations wait. One owner's queries have all but one of
	// them, or the only one. Zero means one more than GOMAXPROCS. Compiling has a VM of its own.
	VMs int
	// Strangers says that whoever sends a request may write the queries. Scripts then have no BigInt, whose
	// arithmetic cannot be interrupted, and cannot make code of text.
	Strangers bool
	// Idle is how long an unused VM is kept. Zero means a minute.
	Idle time.Duration
}

// A Sandbox holds the VMs. It is safe for concurrent use.
type Sandbox struct {
	strangers bool
	pools     [kinds]*pool
	// compilers are VMs that only compile: evaluations that keep the others busy do not keep tokens from being compiled.
	compilers [kinds]*pool
	lastID    atomic.Uint32
}

// New returns a sandbox. It makes no VM yet.
func New(o Options) *Sandbox {
	if o.Limits.Time <= 0 {
		o.Limits.Time = DefaultTime
	}
	if o.Limits.Memory <= 0 {
		o.Limits.Memory = DefaultMemory
	}
	if o.VMs <= 0 {
		o.VMs = runtime.GOMAXPROCS(0) + 1
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	s := &Sandbox{strangers: o.Strangers}
	for k := range s.pools {
		s.pools[k] = newPool(kind(k), o, o.VMs, max(o.VMs-1, 1))
		s.compilers[k] = newPool(kind(k), o, 1, 1)
	}
	return s
}

// Close releases the VMs; those in use end with their evaluation.
func (s *Sandbox) Close() {
	for k := range s.pools {
		s.pools[k].close()
		s.compilers[k].close()
	}
}

// JSONPath is the engine jp: dchester/jsonpath. A query yields []any, one element a match.
// Function expressions in filters, which that library would run as JavaScript, match nothing.
func (s *Sandbox) JSONPath() query.Engine { return laxEngine{engine{s, jsonpath}} }

// JSONata is the engine jsonata.
func (s *Sandbox) JSONata() query.Engine { return engine{s, jsonata} }

// Handlebars is the engine handlebars: a query yields text.
func (s *Sandbox) Handlebars() query.Engine { return engine{s, handlebars} }

// JS is the engine js: a query is the body of a function whose parameter is data, in sloppy mode as in
// external-auth-server. It may await.
func (s *Sandbox) JS() query.Engine { return scripts{s} }
