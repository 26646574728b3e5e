package sandbox

import (
	"context"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// What strangers write in any of the languages ends in time and leaves the VM, or the next one, in order.
func FuzzStrangers(f *testing.F) {
	for _, s := range []string{
		`$..[?(@.a > 1)]`, `$['a','b'][0:2]`, `$..a[(@.length-1)]`, `$sum(a.b[c = 1])`, `($f := function($x) { $x & "y" }; $map(l, $f))`,
		`$replace(s, /(a+)+$/, "$1")`, `a ~> |b|{"c": 1}, ["d"]|`, `$fromMillis(0, "[Y]-[M01]")`, `{{#each l}}{{@index}}{{else}}x{{/each}}`,
		`{{lookup a "b"}}{{{s}}}{{!-- c --}}{{> p}}`, `return data.l.map(x => x + 1)`, `for (const x of data.l) await x; return {x: [1]}`,
		`globalThis.x = {get y() { return 1 }}; return x`, `throw {toString() { throw 1 }}`, `class A { static #x = 1 }; return new A()`,
	} {
		for k := range pattern {
			f.Add(uint8(k), s)
		}
	}
	s := New(Options{Limits: Limits{Time: 20 * time.Millisecond, Memory: 16 << 20}, VMs: 1, Strangers: true})
	f.Cleanup(s.Close)
	data := parse(f, `{"a":{"b":[{"c":1,"d":null}]},"l":[1,2,3],"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}`)
	f.Fuzz(func(t *testing.T, k uint8, expr string) {
		e := []query.Engine{s.JSONPath(), s.JSONata(), s.Handlebars(), s.JS()}[k%uint8(pattern)]
		start := time.Now()
		q, err := e.Compile(expr)
		if err == nil {
			_, err = q.Eval(context.Background(), data)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%v: took %v: %v", kind(k%uint8(pattern)), took, err)
		}
	})
}
