package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/easgate/easgate/configtoken"
)

// pins are the words before a command that keep it on processors of its own: the last one is wrk's, the others are
// the server's, of which it makes as many GOMAXPROCS. Both are empty where that cannot be.
type pins struct{ server, client []string }

func newPins() pins {
	n := runtime.NumCPU()
	if _, err := exec.LookPath("taskset"); err != nil || n < 2 {
		return pins{}
	}
	return pins{
		server: []string{"taskset", "-c", "0-" + strconv.Itoa(n-2)},
		client: []string{"taskset", "-c", strconv.Itoa(n - 1)},
	}
}

// A bench holds the two servers, the store and the keys.
type bench struct {
	plan    plan
	dir     string
	binary  string
	pins    pins
	sealer  configtoken.Sealer
	store   *store
	env     []string
	echo    *process
	easgate *process
}

func newBench(ctx context.Context, p plan, dir, binary string) (_ *bench, err error) {
	b := &bench{plan: p, dir: dir, binary: binary, pins: newPins()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, err
	}
	if b.sealer, err = ring.Sealer(); err != nil {
		return nil, err
	}
	keys := filepath.Join(dir, "keyring.json")
	if err := os.WriteFile(keys, ring.JWKSet(), 0o600); err != nil {
		return nil, err
	}
	if b.store, err = newStore(filepath.Join(dir, "store.db")); err != nil {
		return nil, err
	}
	b.env = []string{"EAS_KEYRING_FILE=" + keys, "EAS_CONFIG_TOKEN_STORES=" + b.store.config(), "EAS_ADMIN_ADDR=off"}

	echo := filepath.Join(dir, "echo")
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", echo, "./tools/bench/echo").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build echo: %w: %s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if b.echo, err = start(ctx, dir, addr, nil, append(slices.Clone(b.pins.server), echo, addr)); err != nil {
		return nil, err
	}
	if _, err := b.echo.ready("/", nil); err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	if b.easgate, err = b.startEasgate(ctx); err != nil {
		return nil, err
	}
	if _, err := b.easgate.ready("/ping", nil); err != nil {
		return nil, fmt.Errorf("easgate: %w", err)
	}
	return b, nil
}

// close ends everything that was started.
func (b *bench) close() {
	b.easgate.stop()
	b.echo.stop()
	if b.store != nil {
		_ = b.store.db.Close() // the file goes away with its folder
	}
}

func (b *bench) startEasgate(ctx context.Context) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	env := append(slices.Clone(b.env), "EAS_PORT="+port)
	return start(ctx, b.dir, addr, env, append(slices.Clone(b.pins.server), b.binary, "serve"))
}

// A row compares easgate with the echo handler.
type row struct {
	name            string
	atLeast         float64
	perSecond, echo float64
	p99, echoP99    time.Duration
	ratio, latency  float64
	cpu, echoCPU    time.Duration // per request
	urlBytes        int
}

func (b *bench) compareAll(ctx context.Context) ([]row, error) {
	var rows []row
	for _, s := range scenarios {
		r, err := b.compare(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-50s %8.0f/s  ratio %.2f  p99 %v (%.1f)  cpu %v, echo's %v\n",
			r.name, r.perSecond, r.ratio, r.p99, r.latency, r.cpu, r.echoCPU)
		rows = append(rows, r)
	}
	return rows, nil
}

// compare measures s and the echo handler in turns, and takes the medians.
func (b *bench) compare(ctx context.Context, s scenario) (row, error) {
	s, err := s.withJWT()
	if err != nil {
		return row{}, err
	}
	path, err := b.path(s)
	if err != nil {
		return row{}, err
	}
	l := load{paths: []string{path}, headers: s.headers}
	headers := map[string]string{}
	for _, m := range []map[string]string{forwarded, s.headers} {
		for k, v := range m {
			headers[k] = v
		}
	}
	if _, err := b.easgate.ready(path, headers); err != nil {
		return row{}, err
	}
	var ours, theirs []sample
	for range b.plan.rounds {
		e, err := b.measure(ctx, b.echo, l)
		if err != nil {
			return row{}, err
		}
		o, err := b.measure(ctx, b.easgate, l)
		if err != nil {
			return row{}, err
		}
		theirs, ours = append(theirs, e), append(ours, o)
	}
	speed := func(s sample) float64 { return s.perSecond }
	tail := func(s sample) time.Duration { return s.p99 }
	cpu := func(s sample) time.Duration { return s.cpu }
	r := row{name: s.name, atLeast: s.atLeast, urlBytes: len(path), cpu: median(ours, cpu), echoCPU: median(theirs, cpu),
		perSecond: median(ours, speed), echo: median(theirs, speed), p99: median(ours, tail), echoP99: median(theirs, tail)}
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i].perSecond / theirs[i].perSecond
	}
	r.ratio = median(ratios, func(f float64) float64 { return f })
	r.latency = float64(r.p99) / float64(r.echoP99)
	return r, nil
}

// measure sends l to p for one round, and looks at the processor time that p takes.
func (b *bench) measure(ctx context.Context, p *process, l load) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := b.wrk(ctx, p.addr, l, b.plan.duration)
	if err != nil {
		return sample{}, err
	}
	after, err := p.cpu()
	s.cpu = (after - before) / time.Duration(max(1, s.requests))
	return s, err
}

// median of an odd number of values.
func median[T any, V cmp.Ordered](of []T, value func(T) V) V {
	vs := make([]V, len(of))
	for i := range of {
		vs[i] = value(of[i])
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

// A storeRow is what it costs that many tokens are in use.
type storeRow struct {
	inUse     int
	perSecond float64
	// cost is the time per request, as a multiple of the first row's.
	cost float64
	cpu  time.Duration // per request
	rss  int64
}

// manyTokens fills the store and asks for ever more of its tokens in turn.
func (b *bench) manyTokens(ctx context.Context) ([]storeRow, error) {
	n := b.plan.storeTokens
	err := b.store.fill(n, func(i int) (string, error) {
		// Tokens that differ, so that no two of them are one pipeline.
		return b.seal(plugin(map[string]any{"type": "request_header", "headers": map[string]any{"X-Api-Key": fmt.Sprintf("k-%d", i), "X-Forwarded-Proto": "https"}}))
	})
	if err != nil {
		return nil, err
	}
	server, err := b.startEasgate(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	if _, err := server.ready(storedPath(0), forwarded); err != nil {
		return nil, err
	}
	var rows []storeRow
	for _, inUse := range []int{1, n / 100, n} {
		l := load{paths: make([]string, inUse)}
		for i := range l.paths {
			l.paths[i] = storedPath(i)
		}
		for seen := 0; seen < inUse; { // every token is asked for once before the clock starts
			s, err := b.wrk(ctx, server.addr, l, b.plan.duration)
			if err != nil {
				return nil, err
			}
			seen += s.requests
		}
		var samples []sample
		for range b.plan.rounds {
			s, err := b.measure(ctx, server, l)
			if err != nil {
				return nil, err
			}
			samples = append(samples, s)
		}
		r := storeRow{
			inUse:     inUse,
			perSecond: median(samples, func(s sample) float64 { return s.perSecond }),
			cpu:       median(samples, func(s sample) time.Duration { return s.cpu }),
		}
		if r.rss, err = server.rss(); err != nil {
			return nil, err
		}
		r.cost = 1
		if len(rows) > 0 {
			r.cost = rows[0].perSecond / r.perSecond
		}
		fmt.Fprintf(os.Stderr, "%d tokens in use %8.0f/s  %.2f×  cpu %v  %s\n", r.inUse, r.perSecond, r.cost, r.cpu, mb(r.rss))
		rows = append(rows, r)
	}
	return rows, nil
}

// A memoryRow is what a fresh server needs.
type memoryRow struct {
	start       time.Duration // from its start to the first 200 on /verify
	idle, after int64         // resident bytes before and after the plan's soak
}

func (b *bench) memory(ctx context.Context) (memoryRow, error) {
	path, err := b.path(scenarios[0])
	if err != nil {
		return memoryRow{}, err
	}
	var m memoryRow
	var starts []time.Duration
	for i := range b.plan.starts {
		server, err := b.startEasgate(ctx)
		if err != nil {
			return memoryRow{}, err
		}
		took, err := server.ready(path, forwarded)
		if err == nil && i == b.plan.starts-1 {
			m.idle, m.after, err = b.soak(ctx, server, load{paths: []string{path}})
		}
		server.stop()
		if err != nil {
			return memoryRow{}, err
		}
		starts = append(starts, took)
	}
	m.start = median(starts, func(d time.Duration) time.Duration { return d })
	fmt.Fprintf(os.Stderr, "start %v, idle %s, after %d requests %s\n", m.start, mb(m.idle), b.plan.soak, mb(m.after))
	return m, nil
}

func (b *bench) soak(ctx context.Context, server *process, l load) (idle, after int64, err error) {
	if idle, err = server.rss(); err != nil {
		return 0, 0, err
	}
	for sent := 0; sent < b.plan.soak; {
		s, err := b.wrk(ctx, server.addr, l, b.plan.duration)
		if err != nil {
			return 0, 0, err
		}
		sent += s.requests
	}
	after, err = server.rss()
	return idle, after, err
}
