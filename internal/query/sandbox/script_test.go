package sandbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

func evaluate(e query.Engine, expr string, data query.Value) (query.Value, error) {
	q, err := e.Compile(expr)
	if err != nil {
		return nil, err
	}
	return q.Eval(context.Background(), data)
}

func parse(t testing.TB, text string) query.Value {
	t.Helper()
	v, err := query.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestJS(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	data := parse(t, `{"s":"Alpha","list":["a","B"],"obj":{"k":"v","a":1},"2":0,"nul":null,"n":1.5}`)
	for _, c := range []struct{ body, want string }{
		{`return data.s`, `"Alpha"`},
		{`return data.list`, `["a","B"]`},
		{`return data.obj`, `{"k":"v","a":1}`},
		{`return data.nul`, `null`},
		{`return data.n`, `1.5`},
		{`return data.none`, ``},
		{``, ``},
		{`return -0`, `0`},
		{`return NaN`, `null`},
		{`return [NaN, undefined, function(){}, Infinity]`, `[null,null,null,null]`},
		{`return {a: undefined, b: function(){}, c: Symbol()}`, `{}`},
		{`return {b: 1, a: 2, 1: 3}`, `{"1":3,"b":1,"a":2}`},
		{`return new Date(0)`, `"1970-01-01T00:00:00.000Z"`},
		{`return "s" + 1`, `"s1"`},
		{`return "j[1]"`, `"j[1]"`},
		{`return "é\u2028😀\u0000"`, "\"é\u2028😀\\u0000\""},
		{`return data.list.map(x => x.toLowerCase()).includes("b")`, `true`},
		{`const {s, ...rest} = data; return Object.keys(rest)`, `["2","list","obj","nul","n"]`},
		{`return /^al/i.test(data.s)`, `true`},
		{`return [[1,[2,[3]]]].flat(Infinity)`, `[1,2,3]`},
		{`return [3,1,2].sort().concat([4], 5)`, `[1,2,3,4,5]`},
		{`return [,1].flat().length`, `1`},
		{`return Array(3).fill(0)`, `[0,0,0]`},
		{`return Array.from({length: 2}, (_, i) => i)`, `[0,1]`},
		{`return [] instanceof Array && Array.isArray(new Array(1))`, `true`},
		{`class L extends Array {}; return new L(1, 2)`, `[1,2]`},
		{`x = 5; return x`, `5`},
		{`data.s = "changed"; return data.s`, `"changed"`},
		{`var o = {}; o.toString = () => "own"; return String(o)`, `"own"`},
		{`var o = {}; o.constructor = 1; o.hasOwnProperty = 2; return o`, `{"constructor":1,"hasOwnProperty":2}`},
		{`function E() {}; E.prototype = new Error(); var e = new E(); e.message = "m"; return e.message`, `"m"`},
		{`return await 3`, `3`},
		{`return Promise.resolve(4)`, `4`},
		{`return await new Promise(r => setTimeout(r, 10, 5))`, `5`},
		{`var out = []; setTimeout(() => out.push("b"), 20); setTimeout(() => out.push("a"), 10);
			await new Promise(r => setTimeout(r, 30)); return out`, `["a","b"]`},
		{`var t = setTimeout(() => { throw 1 }, 1); clearTimeout(t); await new Promise(r => setTimeout(r, 2)); return 1`, `1`},
		{`console.log("x", data); return 1`, `1`},
		{`return eval("1 + 1") + new Function("return 1")()`, `3`},
		{`return JSON.stringify({a: [1, {b: 2}]}, null, 1)`, `"{\n \"a\": [\n  1,\n  {\n   \"b\": 2\n  }\n ]\n}"`},
		{`return JSON.stringify({a: 1, b: 2}, ["a"])`, `"{\"a\":1}"`},
		{`return typeof (3n ** 5n)`, `"bigint"`},
	} {
		got, err := evaluate(s.JS(), c.body, data)
		if err != nil {
			t.Errorf("%s: %v, want %s", c.body, err, c.want)
		} else if query.JSON(got) != c.want {
			t.Errorf("%s = %s, want %s", c.body, query.JSON(got), c.want)
		}
	}
	if got := query.JSON(data); !strings.Contains(got, `"s":"Alpha"`) {
		t.Errorf("data = %s: changed by a script", got)
	}
}

// The text of an error must not carry data.
func TestJSErrors(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	data := parse(t, `{"secret":"s3cr3t"}`)
	for _, c := range []struct{ body, want string }{
		{`return (`, "js: SyntaxError: line 2"},
		{"\n\nreturn )", "js: SyntaxError: line 3"},
		{`throw new Error(data.secret)`, "script: Error"},
		{`throw data.secret`, "script: exception"},
		{`throw {name: data.secret}`, "script: "},
		{`throw null`, "script: sandbox: memory"}, // which cannot be told apart
		{`return JSON.parse(data.secret)`, "script: SyntaxError"},
		{`return data.a.b`, "script: TypeError: cannot read property 'b' of undefined"},
		{`return nope`, "script: ReferenceError: 'nope' is not defined"},
		{`await new Promise(() => {})`, "script: TypeError: the promise is never settled"},
		{`await Promise.reject(new Error(data.secret))`, "script: Error"},
		{`var a = []; a[0] = a; return a`, "script: RangeError: result nested too deeply"},
		{`function f() { f() } f()`, ""},
	} {
		got, err := evaluate(s.JS(), c.body, data)
		if err == nil {
			t.Errorf("%s = %s, want an error", c.body, query.JSON(got))
			continue
		}
		if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.body, err, c.want)
		}
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v: quotes the data", c.body, err)
		}
	}
}

func TestProgram(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	p, err := s.Compile(Script{
		Params: []string{"req", "res"},
		Setup:  `res.setHeader = (k, v) => { res.headers[k.toLowerCase()] = String(v) };`,
		Body:   `await 1; if (req.method == "GET") res.statusCode = 204; res.setHeader("Foo", 1); req.seen = true; return "ignored"`,
		Result: `{statusCode: res.statusCode, headers: res.headers, req}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	req, res := parse(t, `{"method":"GET"}`), parse(t, `{"statusCode":0,"headers":{}}`)
	for range 2 {
		got, err := p.Run(context.Background(), req, res)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"statusCode":204,"headers":{"foo":"1"},"req":{"method":"GET","seen":true}}`; query.JSON(got) != want {
			t.Errorf("Run = %s, want %s", query.JSON(got), want)
		}
	}
	if query.JSON(req) != `{"method":"GET"}` {
		t.Errorf("req = %s: changed by the program", query.JSON(req))
	}
	if _, err := s.Compile(Script{Params: []string{"a"}, Body: `return }`}); err == nil {
		t.Error("Compile of a broken body: no error")
	}
}

// A build without the bundles says what to do.
func TestMissingBundle(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	if _, err := bundles.ReadFile("bundle/jsonata.js"); err == nil {
		if _, err := s.JSONata().Compile("a"); err != nil {
			t.Errorf("Compile = %v, with the bundle there", err)
		}
		return
	}
	for _, e := range []query.Engine{s.JSONPath(), s.JSONata(), s.Handlebars()} {
		if _, err := e.Compile("a"); err == nil || !strings.Contains(err.Error(), "make js") || errors.Is(err, query.ErrMoment) {
			t.Errorf("Compile = %v, want a hint at make js, for good", err)
		}
	}
}

func TestClose(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	q, err := s.JS().Compile(`return 1`)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := q.Eval(context.Background(), nil); !errors.Is(err, errClosed) {
		t.Errorf("Eval = %v, want %v", err, errClosed)
	}
}
