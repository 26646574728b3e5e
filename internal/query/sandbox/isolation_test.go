package sandbox

import (
	"context"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// probe says what a later evaluation can see of an earlier one.
const probe = `
var leaks = [];
for (const k of Reflect.ownKeys(globalThis)) leaks.push(String(k));
for (const o of [Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Error, Symbol, JSON, Math, Reflect,
		String.prototype, RegExp.prototype, Map.prototype, (function*(){})().__proto__ || Object.getPrototypeOf(function*(){}),
		Object.getPrototypeOf(async function(){}), Object.getPrototypeOf([][Symbol.iterator]())]) {
	leaks.push(Reflect.ownKeys(o).map(String).join());
}
leaks.push([3,1,2].map(x => x + 1).sort().join(), JSON.stringify({a: [1]}), JSON.parse("[1]")[0], Math.max(1, 2),
	[..."ab"].length, String(new Error("m")), Object.keys({a: 1}).join(), "abc".replace("b", "x"), /b/.test("abc"),
	parseInt("12"), encodeURIComponent("/"), typeof leaked, typeof setTimeout, Object.getPrototypeOf(globalThis) === Object.prototype,
	({}).toString(), Reflect.getPrototypeOf({}) === Object.prototype, new Error("e").stack.length > 0, (function(){ return typeof this })());
return leaks`

// A script of one config token must not be seen by the next evaluation, which may be another token's.
func TestNothingStays(t *testing.T) {
	for _, c := range []struct {
		name, body string
	}{
		{"prototype", `Object.prototype.leaked = 1; Array.prototype.leaked = 1; return 1`},
		{"defineProperty", `try { Object.defineProperty(Object.prototype, "leaked", {value: 1}) } catch {} return 1`},
		{"patched Array", `Array.prototype.map = Array.prototype.sort = function () { return ["stolen"] }; return 1`},
		{"patched JSON", `JSON.parse = JSON.stringify = () => "stolen"; return 1`},
		{"patched Math", `Math.max = () => 99; Object.keys = () => ["stolen"]; return 1`},
		{"patched Promise", `Promise.prototype.then = function () { leaked = 1 }; return 1`},
		{"patched RegExp", `RegExp.prototype.exec = RegExp.prototype.test = () => false; String.prototype.replace = () => "x"; return 1`},
		{"patched iterators", `Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({done: true}); return 1`},
		{"patched generators", `Object.getPrototypeOf(function*(){}).leaked = 1; Object.getPrototypeOf(async function(){}).leaked = 1; return 1`},
		{"global object", `globalThis.leaked = 1; globalThis[Symbol("leaked")] = 1; return 1`},
		{"implicit global", `leaked = data; return leaked`},
		{"global by this", `this.leaked = 1; return 1`},
		{"global by eval", `(0, eval)("globalThis.leaked = 1; var leaked2 = 2"); return 1`},
		{"function by eval", `(0, eval)("function leaked() {}"); return 1`},
		{"undeletable global", `Object.defineProperty(globalThis, "leaked", {value: 1}); return 1`},
		{"lexical global", `(0, eval)("let leaked = 1"); return 1`},
		{"prototype of the global object", `Object.setPrototypeOf(globalThis, {leaked: 1}); return 1`},
		{"overwritten globals", `parseInt = encodeURIComponent = setTimeout = () => "stolen"; Error = 1; return 1`},
		{"deleted globals", `delete globalThis.JSON; delete Array.prototype.map; return 1`},
		{"stack hooks", `Error.prepareStackTrace = () => { leaked = 1; return "" }; Error.stackTraceLimit = 0; return 1`},
		{"promise left behind", `Promise.resolve().then(() => { globalThis.leaked = 1 }); return 1`},
		{"timer left behind", `setTimeout(() => { globalThis.leaked = 1 }, 5); return 1`},
		{"awaited", `await 1; globalThis.leaked = 1; Promise.resolve().then(() => { leaked = 2 }); return 1`},
		{"toJSON", `return {toJSON() { globalThis.leaked = 1; Promise.resolve().then(() => { leaked = 2 }); return 1 }}`},
		{"getter", `return {get a() { globalThis.leaked = 1; return 1 }}`},
		{"own function", `arguments.callee.leaked = (arguments.callee.leaked || 0) + 1; return arguments.callee.leaked`},
		{"template literal", `const t = (s) => s; const s = t` + "`x`" + `; return Object.isFrozen(s) ? 1 : 2`},
		{"closed early", `return 1 }; leaked = 1; { return 2`},
		{"throws", `globalThis.leaked = 1; throw new Error("x")`},
		{"rejects", `globalThis.leaked = 1; await Promise.reject(new Error("x"))`},
		{"array constructor", `Array.leaked = 1; Array.from = () => ["stolen"]; return 1`},
		{"console", `console.log = () => { leaked = 1 }; console.leaked = 1; return 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Limits: Limits{Time: 10 * time.Second}, VMs: 1})
			defer s.Close()
			want, err := evaluate(s.JS(), probe, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.JS().Compile(c.body)
			if err != nil {
				return // refused: nothing ran
			}
			first, firstErr := p.Eval(context.Background(), "secret")
			for range 2 {
				again, err := p.Eval(context.Background(), "secret")
				if query.JSON(again) != query.JSON(first) || (err == nil) != (firstErr == nil) {
					t.Errorf("a second time: %s, %v, want %s, %v", query.JSON(again), err, query.JSON(first), firstErr)
				}
			}
			got, err := evaluate(s.JS(), probe, nil)
			if err != nil {
				t.Fatal(err)
			}
			if query.JSON(got) != query.JSON(want) {
				t.Errorf("after it:\n%s\nwant\n%s", query.JSON(got), query.JSON(want))
			}
		})
	}
}

// A pool whose every evaluation needed a new VM would prove nothing about isolation.
func TestVMsAreReused(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}, VMs: 1})
	defer s.Close()
	seen := make(map[*worker]bool)
	for _, body := range []string{`return 1`, `leaked = 1`, `throw new Error("x")`, `await 1; return data`, `return (`} {
		_, _ = evaluate(s.JS(), body, nil)
		p := s.pools[script]
		p.mu.Lock()
		for _, w := range p.idle {
			seen[w] = true
		}
		p.mu.Unlock()
	}
	if len(seen) != 1 {
		t.Errorf("%d VMs, want 1", len(seen))
	}
}

// There is nothing in a VM but the language.
func TestNoHostObjects(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	for _, name := range []string{"std", "os", "bjson", "print", "console.print", "process", "require", "module", "scriptArgs", "fetch",
		"XMLHttpRequest", "WebAssembly", "Worker", "Proxy", "SharedArrayBuffer", "Atomics", "Deno", "Buffer", "global", "loadScript"} {
		got, err := evaluate(s.JS(), "return typeof "+name, nil)
		if err != nil || got != "undefined" {
			t.Errorf("typeof %s = %v, %v, want undefined", name, got, err)
		}
	}
	for _, body := range []string{`return await import("std")`, `return await import("os")`, `return await import("./x.js")`,
		`return (0, eval)("import('std')")`, `import("std"); throw 1`} {
		if got, err := evaluate(s.JS(), body, nil); err == nil {
			t.Errorf("%s = %s, want an error", body, query.JSON(got))
		}
	}
}

// Strangers make no code of text and no big integers, whose arithmetic cannot be interrupted.
func TestStrangers(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}, Strangers: true})
	defer s.Close()
	for _, body := range []string{
		`return 3n ** 5n`, `return 0x1Fn`, `return 1_000n`, `return BigInt(3)`, `return eval("3" + "n")`, `return Function("return 3" + "n")()`,
		`return (() => {}).constructor("return 3" + "n")()`, `return Object.getPrototypeOf(async () => {}).constructor("return 1")()`,
		`return (function*(){}).constructor("yield 1")().next()`, `return new BigInt64Array(1)[0]`,
	} {
		if got, err := evaluate(s.JS(), body, nil); err == nil {
			t.Errorf("%s = %s, want an error", body, query.JSON(got))
		}
	}
	if got, err := evaluate(s.JS(), `return data.a.map(x => x * 2)`, parse(t, `{"a":[1,2]}`)); err != nil || query.JSON(got) != "[2,4]" {
		t.Errorf("map = %s, %v, want [2,4]", query.JSON(got), err)
	}
}
