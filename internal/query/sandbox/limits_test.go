package sandbox

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// slack is how much longer than its limits an evaluation may take here: the machine does other things too.
const slack = 10

// busy is how many places are taken.
func (p *pool) busy() int {
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	return p.options.VMs - p.places.free
}

// bounded checks that expr fails in time, and that a good query works right after it.
func bounded(t *testing.T, s *Sandbox, e query.Engine, expr string, data query.Value) {
	t.Helper()
	q, err := e.Compile(expr)
	if err != nil {
		return // refused
	}
	start := time.Now()
	got, err := q.Eval(context.Background(), data)
	took := time.Since(start)
	if err == nil && len(query.JSON(got)) > 1<<20 {
		t.Errorf("%.70s: %d bytes", expr, len(query.JSON(got)))
	}
	// Nothing goes on in the VM, or in its place.
	still := time.Now().Add(10 * time.Second)
	for _, p := range s.pools {
		for ; p.busy() > 0; runtime.Gosched() {
			if time.Now().After(still) {
				t.Errorf("%.70s: the VM does not stop", expr)
				break
			}
		}
	}
	if limit := slack * (s.pools[script].options.Limits.Time + grace); took > limit {
		t.Errorf("%.70s: took %v, want at most %v", expr, took, limit)
	}
}

// Each of these froze QuickJS, or external-auth-server, for seconds or for good (ATTACKS 21).
func TestScriptLimits(t *testing.T) {
	for _, body := range []string{
		`for (;;);`,
		`await 1; for (;;);`,
		`const f = () => Promise.resolve().then(f); await f()`,
		`const f = () => setTimeout(f, 1); f(); await new Promise(() => {})`,
		`const f = () => setTimeout(f, 1); f()`,
		`try { for (;;); } catch { return "caught" } finally { for (;;); }`,
		`function f() { f() } f()`,
		`const a = []; for (;;) a.push("x".repeat(1000))`,
		`let s = "x"; for (;;) s += s`,
		`return /(a+)+$/.test("a".repeat(50000) + "b")`,
		`return "a".repeat(50000).replace(/(a|aa)+$/, "") + /^(([a-z])+.)+[A-Z]([a-z])+$/.test("a".repeat(40))`,
		`return Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)`,
		`return [].indexOf.call({get length() { return 2 ** 53 - 1 }}, 1)`,
		`return [].indexOf.call({length: {valueOf: () => 2 ** 53 - 1}}, 1)`,
		`return [].indexOf.call(Object.create({length: 2 ** 53 - 1}), 1)`,
		`return new Array(4294967295).indexOf(1)`,
		`const a = []; a.length = 4294967295; return a.indexOf(1)`,
		`const a = []; a[4294967294] = 1; return a.sort()`,
		`const a = []; a.length = 4294967295; return a.join()`,
		`const a = []; a.length = 4294967295; return String(a)`,
		`const a = []; a.length = 4294967295; return [].concat(a)`,
		`return [].concat({length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true})`,
		`const a = []; a.length = 4294967295; return new Set(a).size`,
		`const a = []; a.length = 4294967295; return [...a].length`,
		`const a = []; a.length = 4294967295; const i = a.values(); return new Set(i).size`,
		`const a = []; a.length = 4294967295; return Array.from(a).length`,
		`return Array.from({length: 1e9}).length`,
		`const a = []; a.length = 4294967295; a.forEach(() => 1)`,
		`const a = []; a.length = 4294967295; return a`,
		`const a = []; a.length = 4294967295; return JSON.stringify(1, a)`,
		`const a = []; a.length = 4294967295; return JSON.stringify(a)`,
		`const a = []; a.length = 4294967295; return String.raw({raw: a})`,
		`const a = []; a.length = 4294967295; a.reverse(); a.splice(0, 1); a.unshift(1)`,
		`const a = []; a.length = 4294967295; return Math.max(...a)`,
		`const a = []; a.length = 4294967295; return Math.max.apply(null, a)`,
		`return "a".repeat(8e6).indexOf("a".repeat(4e6) + "b")`,
		`return "a".repeat(8e6).split("a".repeat(4e6) + "b").length`,
		`return "a".repeat(8e6).replaceAll("a".repeat(4e6) + "b", "")`,
		`return "a".repeat(8e6).includes({toString: () => "a".repeat(4e6) + "b"})`,
		`return "a".repeat(15e6).normalize().length`,
		`return encodeURIComponent("é".repeat(5e6)).length`,
		`let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity)`,
		`let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return a`,
		`let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return String(a)`,
		`let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return JSON.stringify(a)`,
		`let a = {}; for (let i = 0; i < 40; i++) a = {a, b: a}; return a`,
		`return {toJSON() { for (;;); }}`,
		`return {get a() { for (;;); }}`,
		`return new RegExp("(?:a{1,1000}){1,1000}").test("a".repeat(1e5))`,
		`return JSON.parse("[".repeat(1e6))`,
		`return eval("(".repeat(1e6))`,
		`const o = {}; for (let i = 0; i < 1e6; i++) o["k" + i] = i; return o`,
	} {
		s := New(Options{VMs: 1})
		bounded(t, s, s.JS(), body, nil)
		s.Close()
	}
}

// A script that a stranger may have written.
func TestBigInts(t *testing.T) {
	s := New(Options{VMs: 1, Strangers: true})
	defer s.Close()
	bounded(t, s, s.JS(), `return String((3n ** 500000n) % (7n ** 200000n)).length`, nil)
}

func TestCancel(t *testing.T) {
	s := New(Options{Limits: Limits{Time: time.Minute}, VMs: 1})
	defer s.Close()
	q, err := s.JS().Compile(`for (;;);`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := q.Eval(ctx, nil)
		done <- err
	}()
	for running := false; !running; runtime.Gosched() {
		running = s.pools[script].busy() == 1
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Eval = %v, want %v", err, context.Canceled)
	}
	// The one VM is free again long before the minute is over: nothing runs on after the client left.
	if got, err := evaluate(s.JS(), `return 1`, nil); err != nil || got != 1.0 {
		t.Errorf("the next evaluation = %v, %v, want 1", got, err)
	}
	if _, err := q.Eval(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Eval with an ended context = %v, want %v", err, context.Canceled)
	}
}

func TestTooMuch(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second, Memory: 4 << 20}})
	defer s.Close()
	if _, err := evaluate(s.JS(), `return data.length`, strings.Repeat("x", 1<<20)); !errors.Is(err, ErrMemory) {
		t.Errorf("Eval on 1 MB = %v, want %v", err, ErrMemory)
	}
	if _, err := evaluate(s.JS(), `const a = []; for (;;) a.push({})`, nil); !errors.Is(err, ErrMemory) {
		t.Errorf("Eval = %v, want %v", err, ErrMemory)
	}
	if _, err := evaluate(s.JS(), `//`+strings.Repeat("x", maxSource), nil); err == nil {
		t.Error("Compile of a long script: no error")
	}
}

// VMs are made when they are needed, at most as many as allowed, and let go when idle.
func TestPool(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}, VMs: 2, Idle: time.Nanosecond})
	p := s.pools[script]
	if p.busy() != 0 || len(p.idle) != 0 {
		t.Error("a VM before the first evaluation")
	}
	q, err := s.JS().Compile(`let n = 0; for (let i = 0; i < 1000; i++) n += i; return n + data`)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	const callers = 16
	for i := range callers {
		go func() {
			got, err := q.Eval(context.Background(), float64(i))
			if err == nil && got != float64(499500+i) {
				err = errors.New("wrong result: another caller's?")
			}
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for idle := 1; idle > 0; runtime.Gosched() {
		p.mu.Lock()
		idle = len(p.idle)
		if idle > 2 {
			t.Fatalf("%d VMs, want at most 2", idle)
		}
		p.mu.Unlock()
	}
	s.Close()
}
