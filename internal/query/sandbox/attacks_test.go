//go:build integration

package sandbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// ATTACKS 21, 23: blow-ups, some of which froze external-auth-server for good, in the languages that anyone may use in
// a verify URL.
func TestLibraryLimits(t *testing.T) {
	long := strings.Repeat("a", 50000) + "b"
	data := parse(t, `{"s":"`+long+`","list":[`+strings.Repeat("1,", 5000)+`1],"o":{"p":{"q":1}}}`)
	for _, o := range []Options{{VMs: 1}, {VMs: 1, Limits: Limits{Time: 20 * time.Millisecond, Memory: 16 << 20}, Strangers: true}} {
		s := New(o)
		defer s.Close()
		for _, c := range []struct {
			engine query.Engine
			exprs  []string
		}{
			{s.JSONata(), []string{
				`$count([1..9000000].($*2))`,
				`[1..9999999]`,
				`$sum([1..1000000])`,
				`($f := function() { $f() }; $f())`,
				`($f := function($n) { 1 + $f($n + 1) }; $f(0))`,
				`($f := function($s) { $f($s & $s) }; $f("x"))`,
				`($f := function($a) { $f([$a, $a]) }; $f([1]))`,
				`$reduce([1..40], function($a, $i) { [[$a], [$a]] }, [1])`,
				`$string($reduce([1..40], function($a, $i) { [[$a], [$a]] }, [1]))`,
				`$string($reduce([1..40], function($a, $i) { {"a": $a, "b": $a} }, {}))`,
				`$reduce([1..40], function($a, $i) { {"a": $a, "b": $a} }, {}) = $reduce([1..40], function($a, $i) { {"a": $a, "b": $a} }, {})`,
				`$pad("x", 4000000000)`,
				`$pad("x", -4000000000, "ab")`,
				`$contains($pad("a", 4000000, "a"), $pad("b", -2000000, "a"))`,
				`$contains($reduce([1..22], function($a, $i) { $a & $a }, "a"), $reduce([1..21], function($a, $i) { $a & $a }, "a") & "b")`,
				`$split($reduce([1..22], function($a, $i) { $a & $a }, "a"), $reduce([1..21], function($a, $i) { $a & $a }, "a") & "b")`,
				`$replace($reduce([1..22], function($a, $i) { $a & $a }, "a"), $reduce([1..21], function($a, $i) { $a & $a }, "a") & "b", "")`,
				`$match(s, /(a+)+$/)`,
				`$contains(s, /^(a|aa)+$/)`,
				`$replace(s, /(a*)*b?c/, "")`,
				`$sort(list, function($a, $b) { $sort(list, function($x, $y) { true })[0] = 1 })`,
				`$distinct([1..100000])`,
				`**.**.**.**.**.**`,
				`list.list.list`,
				`$$.**.($$.**).($$.**)`,
				`$formatNumber(1, "#" & $pad("", 1000000, "0"))`,
				`$formatBase(1e300, 2)`,
				`$eval($reduce([1..15], function($a, $i) { "(" & $a & "+" & $a & ")" }, "1"))`,
				strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
				strings.Repeat("[", 20000),
				`$join($map([1..100000], function($v) { s }))`,
			}},
			{s.JSONPath(), []string{
				`$..[?(@.constructor.constructor("for(;;);")())]`,
				`$..[?(constructor.constructor("for(;;);")())]`,
				`$..[?((function(){for(;;);})())]`,
				`$..[?((function(x){return x ? (function(){for(;;);})() : 1})(1))]`,
				`$..[?([].constructor(4294967295).indexOf(1))]`,
				`$..[?([].concat.call(1))]`,
				`$..[?("x".repeat(100000000).indexOf("y"))]`,
				`$..[?(@.s.match("(a+)+$"))]`,
				`$..[?("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab".match("^(a+)+$"))]`,
				`$..*..*..*..*..*..*..*`,
				`$` + strings.Repeat(`..*`, 40),
				`$..[(@.length-1)]..[(@.length-1)]`,
				`$..[?(` + strings.Repeat("(", 3000) + `1` + strings.Repeat(")", 3000) + `)]`,
				`$[` + strings.Repeat("'a',", 5000) + `'a']`,
				`$..[` + strings.Repeat("'s',", 5000) + `'s']`,
			}},
			{s.Handlebars(), []string{
				strings.Repeat(`{{#each list}}`, 8) + strings.Repeat(`{{/each}}`, 8),
				strings.Repeat(`{{#each list}}`, 3) + `{{s}}` + strings.Repeat(`{{/each}}`, 3),
				strings.Repeat(`{{#if s}}`, 3000) + strings.Repeat(`{{/if}}`, 3000),
				strings.Repeat(`{{s}}`, 5000),
				`{{#with (lookup this "constructor")}}{{lookup this "constructor"}}{{/with}}`,
				`{{constructor.constructor "for(;;);"}}`,
				`{{#with "s" as |string|}}{{#with "e"}}{{#with split as |conslist|}}{{this.pop}}{{this.push (lookup string.sub "constructor")}}` +
					`{{/with}}{{/with}}{{/with}}`,
				`{{__proto__.x}}{{lookup . "__proto__"}}{{__defineGetter__ "x" "y"}}`,
				`{{{{raw}}}} {{x}} {{{{/raw}}}}`,
			}},
		} {
			for _, expr := range c.exprs {
				compileBounded(t, c.engine, expr)
				bounded(t, s, c.engine, expr, data)
			}
			if got, err := settled(c.engine, "s", data); err != nil {
				t.Errorf("a good query after the bad ones = %v, %v", got, err)
			}
		}
	}
}

// compileBounded checks that expr compiles, or does not, in time.
func compileBounded(t *testing.T, e query.Engine, expr string) {
	t.Helper()
	start := time.Now()
	_, _ = e.Compile(expr)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Compile(%.70s): took %v", expr, took)
	}
}

// settled tries expr until the machine had the time for it.
func settled(e query.Engine, expr string, data query.Value) (query.Value, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		for _, expr := range []string{expr, "$." + expr} {
			got, err := evaluate(e, expr, data)
			if err == nil || time.Now().After(deadline) {
				return got, err
			}
		}
	}
}

// ATTACKS 22: CVE-2026-77415, GHSA-87r5-mp6g-5w5j and their like: nothing leads to code or to a host object.
func TestNoEscape(t *testing.T) {
	s := unhurried(t)
	data := parse(t, `{"a":{"b":1},"list":[1],"s":"x"}`)
	for _, c := range []struct {
		engine query.Engine
		exprs  []string
	}{
		{s.JSONata(), []string{
			`constructor.constructor("return 1")()`, `a.constructor`, `$lookup(a, "constructor")`, `$lookup($, "__proto__")`,
			`list.constructor`, `s.constructor`, `$sum.constructor`, `$lookup($sum, "constructor")`, `$sum.implementation.constructor`,
			`$.__proto__`, `$keys($sum)`, `$merge([{"__proto__": {"leaked": 1}}]).leaked`, `({"x": 1} ~> |$|{"__proto__": {"leaked": 1}}|).leaked`,
			`(function(){1}).body`, `(function(){1}).environment`, `$each($sum, function($v, $k) { $k })`,
			`$lookup((function(){1}), "environment")`, `$spread($sum)`, `/a/.constructor`,
		}},
		{s.JSONPath(), []string{
			`$..[?(@.constructor.constructor("return 1")())]`, `$[?(@.constructor)]`, `$.constructor`, `$["__proto__"]`, `$.list.constructor`,
			`$..[?((function(){return 1})())]`, `$[?([].constructor)]`, `$[?("".constructor)]`, `$[?((1).constructor)]`,
			`$[(@.constructor.constructor("return 's'")())]`, `$[(function(){return 's'}())]`,
		}},
		{s.Handlebars(), []string{
			`{{constructor.name}}`, `{{a.constructor.name}}`, `{{lookup a "constructor"}}`, `{{lookup (lookup a "constructor") "name"}}`,
			`{{__proto__}}`, `{{lookup this "__proto__"}}`, `{{a.__lookupGetter__}}`, `{{list.constructor.name}}`,
		}},
	} {
		for _, expr := range c.exprs {
			got, err := evaluate(c.engine, expr, data)
			if err != nil {
				continue
			}
			switch query.JSON(got) {
			case "", `""`, "[]", "{}":
			default:
				t.Errorf("%s = %s, want nothing", expr, query.JSON(got))
			}
		}
	}
	// What one query did is not there for the next.
	if got, err := evaluate(s.JSONata(), `leaked`, parse(t, `{}`)); err != nil || query.JSON(got) != "" {
		t.Errorf("leaked = %s, %v", query.JSON(got), err)
	}
}

// Variables and the state of regular expressions end with an evaluation.
func TestNoStateBetweenEvaluations(t *testing.T) {
	s := New(Options{VMs: 1, Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	for _, c := range []struct {
		engine query.Engine
		expr   string
	}{
		{s.JSONata(), `($n := $n ? $n + 1 : 1; $n)`},
		{s.JSONata(), `$match(s, /x/)[0].index`},
		{s.JSONata(), `$replace(s, /x/, "y")`},
		{s.JSONPath(), `$..[?(@.b > 0)].b`},
		{s.JSONPath(), `$.list[(@.length-1)]`},
		{s.Handlebars(), `{{#each list}}{{@index}}{{this}}{{/each}}{{a.b}}`},
	} {
		q, err := c.engine.Compile(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		data := parse(t, `{"s":"axx","a":{"b":1},"list":[1,2]}`)
		first, err := q.Eval(context.Background(), data)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
		}
		for range 3 {
			if again, err := q.Eval(context.Background(), data); err != nil || query.JSON(again) != query.JSON(first) {
				t.Errorf("%s = %s, %v, then %s", c.expr, query.JSON(first), err, query.JSON(again))
			}
		}
	}
}

// A VM forgets the queries that were not used for long, and compiles them again.
func TestManyQueries(t *testing.T) {
	s := New(Options{VMs: 1, Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	var queries []query.Query
	for i := range maxQueries + 50 {
		q, err := s.JSONata().Compile("x + " + query.Number(float64(i)))
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, q)
	}
	data := parse(t, `{"x":1}`)
	for i, q := range queries {
		if got, err := q.Eval(context.Background(), data); err != nil || got != float64(i+1) {
			t.Errorf("query %d = %v, %v, want %d", i, got, err, i+1)
		}
	}
	if w := s.pools[jsonata].idle[0]; w == nil {
		t.Error("the VM is gone")
	}
}

func TestTimeLimit(t *testing.T) {
	s := New(Options{VMs: 1})
	defer s.Close()
	q, err := s.JSONata().Compile(`($f := function() { $f() }; $f())`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Eval(context.Background(), nil); !errors.Is(err, ErrTime) {
		t.Errorf("Eval = %v, want %v", err, ErrTime)
	}
}
