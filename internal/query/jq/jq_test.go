package jq

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// generous is for tests that are not about limits: the machine may be busy with other things.
var generous = Limits{Time: 10 * time.Second}

func value(t testing.TB, text string) query.Value {
	t.Helper()
	v, err := query.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func eval(e query.Engine, expr string, data query.Value) (query.Value, error) {
	q, err := e.Compile(expr)
	if err != nil {
		return nil, err
	}
	return q.Eval(context.Background(), data)
}

// What external-auth-server with jq 1.6 put into a header.
func TestHeadersOfEAS(t *testing.T) {
	text, err := os.ReadFile("testdata/eas-headers.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Data  json.RawMessage
		Cases []struct {
			ID, Query string
			Header    *string // nil for a header left out: the query failed
		}
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	differs := map[string]string{
		"headers-112": "$ENV is not available",
		"headers-143": "EAS passes the query as an argument, and -n is an option of jq's",
	}
	data := value(t, string(table.Data))
	for _, c := range table.Cases {
		t.Run(c.ID, func(t *testing.T) {
			got, err := eval(New(generous), c.Query, data)
			if reason, ok := differs[c.ID]; ok {
				if err == nil {
					t.Errorf("%s = %s, want an error: %s", c.Query, query.JSON(got), reason)
				}
				return
			}
			if c.Header == nil {
				if err == nil {
					t.Errorf("%s = %s, want an error", c.Query, query.JSON(got))
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.Query, err)
			}
			header, ok := got.(string)
			if !ok {
				header = query.JSON(got)
			}
			if header != *c.Header {
				t.Errorf("%s = %s, want %s", c.Query, header, *c.Header)
			}
		})
	}
}

func TestEval(t *testing.T) {
	data := value(t, `{"b":{"z":1,"a":[1,2,{"y":0,"x":0}]},"s":"ab","n":3,"nul":null,"list":["q","p"]}`)
	for _, c := range []struct{ expr, want string }{
		{`.`, query.JSON(data)},
		{`.b`, `{"z":1,"a":[1,2,{"y":0,"x":0}]}`},
		{`.b.a[2]`, `{"y":0,"x":0}`},
		{`.b["a"][2].y`, `0`},
		{`."b".z`, `1`},
		{`.missing.x.y`, `null`},
		{`.nul.x`, `null`},
		{`[.b]`, `[{"z":1,"a":[1,2,{"y":0,"x":0}]}]`},
		{`.b + {m: 1}`, `{"z":1,"a":[1,2,{"y":0,"x":0}],"m":1}`},
		{`{sub: .s, aud: .n}`, `{"sub":"ab","aud":3}`},
		{`{s, n}`, `{"s":"ab","n":3}`},
		{`.b | del(.a)`, `{"z":1}`},
		{`.b.a[2].x = 5 | .b.a[2]`, `{"y":0,"x":5}`},
		{`.s * 2`, `"abab"`},
		{`.s * 0`, `null`},
		{`.s * 1.5`, `"abab"`},
		{`{a:{b:1}} * {a:{c:2}}`, `{"a":{"b":1,"c":2}}`},
		{`.n * 2.5`, `7.5`},
		{`.s as $x | $x + "!"`, `"ab!"`},
		{`def f(x): x * 2; f(.n)`, `6`},
		{`reduce .b.a[:2][] as $x (0; . + $x)`, `3`},
		{`path(.b.z)`, `["b","z"]`},
		{`[paths(type == "number")] | length`, `6`},
		{`.b.a |= map(select(type == "number") | . + 1) | .b.a`, `[2,3]`},
		{`first(.list[])`, `"q"`},
		{`.list | sort | join(",")`, `"p,q"`},
		{`.s | test("^A"; "i")`, `true`},
		{`.s | @base64`, `"YWI="`},
		{`"\(.s)-\(.n)"`, `"ab-3"`},
		{`.b.q? // "none"`, `"none"`},
		{`.s.x? // "none"`, `"none"`},
		{`try error("x") catch .`, `"x"`},
		{`if .n > 2 then "big" else "small" end`, `"big"`},
		{`.b | keys_unsorted | length`, `2`},
		{`[.[] | numbers]`, `[3]`},
		{`empty`, ``},
		{`-.n`, `-3`},
		{`infinite`, `1.7976931348623157e+308`},
		{`[nan]`, `[null]`},
		{`123456789012345678901234567890`, `1.2345678901234568e+29`},
		{`{}`, `{}`},
		{`[.b[]] | length`, `2`},
		{`[.b.a[2][]]`, `[0,0]`},
		{`.b | to_entries`, `[{"key":"z","value":1},{"key":"a","value":[1,2,{"y":0,"x":0}]}]`},
		{`.b | to_entries[0].key`, `"z"`},
		{`.b | keys`, `["a","z"]`},
		{`.b | keys_unsorted`, `["z","a"]`},
		{`.b | tojson`, `"{\"z\":1,\"a\":[1,2,{\"y\":0,\"x\":0}]}"`},
		{`.b.a[2] | tostring`, `"{\"y\":0,\"x\":0}"`},
		{`.b.a[2] | @json`, `"{\"y\":0,\"x\":0}"`},
		{`.b.a[2] | @base64`, `"eyJ5IjowLCJ4IjowfQ=="`},
		{`.b.a[2] | @html "<\(.)>"`, `"<{&quot;y&quot;:0,&quot;x&quot;:0}>"`},
		{`.b.a[2] | "\(.) \(.y)"`, `"{\"y\":0,\"x\":0} 0"`},
		{`@json "x\(.b.a[2])y\(.s)"`, `"x{\"y\":0,\"x\":0}y\"ab\""`},
		{`@text "\(.s)"`, `"ab"`},
		{`.b.a[2] | with_entries(.value += 1)`, `{"y":1,"x":1}`},
		{`.b.a[2] | map_values(. + 1)`, `{"y":1,"x":1}`},
		{`{z: "1", a: "2"} | add`, `"12"`},
		{`{z: "1", a: "2"} | map(. + "!")`, `["1!","2!"]`},
		{`[{z: 1, a: 2} | .[]]`, `[1,2]`},
		{`[.b.a[2] | ..]`, `[{"y":0,"x":0},0,0]`},
		{`[.b | recurse | scalars]`, `[1,1,2,0,0]`},
		{`first({z: 1, a: 2}[])`, `1`},
		{`[limit(1; .b[])]`, `[1]`},
		{`.b.a[]?.y?`, `0`},
		{`[.s[]?]`, `[]`},
		{`[.b[] as $x | $x] | length`, `2`},
		{`reduce ({z: "1", a: "2"}[]) as $x (""; . + $x)`, `"12"`},
		{`def map(f): "own"; map(1)`, `"own"`},
		{`def to_entries: 7; .b | to_entries`, `7`},
		{`.b.a[2][] |= . + 1 | .b.a[2]`, `{"y":1,"x":1}`},
		{`.b.a[2] | del(.[])`, `{}`},
		{`[.b.a[2] | path(.[])]`, `[["x"],["y"]]`},
		{`[paths([.] | length > 0)] | length`, `14`},
		{`(.b.a[] | select(type == "number")) |= . + 1 | .b.a[:2]`, `[2,3]`},
		{`first(.list[]) = "new" | .list`, `["new","p"]`},
		{`.list | first`, `"q"`},
	} {
		got, err := eval(New(generous), c.expr, data)
		if err != nil {
			t.Errorf("%s: %v, want %s", c.expr, err, c.want)
		} else if query.JSON(got) != c.want {
			t.Errorf("%s = %s, want %s", c.expr, query.JSON(got), c.want)
		}
	}
}

// An Eval that changed its data would change it for the queries that follow.
func TestDataStays(t *testing.T) {
	data := value(t, `{"a":{"b":[1,2]}}`)
	for _, expr := range []string{`.a.b[0] = 9`, `del(.a)`, `.a.b |= sort_by(-.)`, `.a.b += [3]`, `.a | .b[1] = 7`} {
		if _, err := eval(New(generous), expr, data); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		if got := query.JSON(data); got != `{"a":{"b":[1,2]}}` {
			t.Fatalf("after %s data = %s", expr, got)
		}
	}
}

// Neither the environment (ATTACKS 20) nor the data reaches an error, and what is not jq is one.
func TestErrors(t *testing.T) {
	data := value(t, `{"secret":"s3cr3t","list":[1,2]}`)
	for _, expr := range []string{
		`.[`, ``, `nope`, `$x`, `1,2`, `.list[]`, `.secret.x`, `.secret | tonumber`, `.secret + 1`, `error(.secret)`,
		`$ENV`, `$ENV.PATH`, `env`, `env.PATH`, `{$ENV}`, `input`, `[inputs]`, `debug`, `halt`, `"x" | halt_error`,
		`input_filename`, `input_line_number`, `import "a" as a; 1`, `include "a"; 1`, `modulemeta`, `get_search_list`,
		`def halt: 1; halt`, `"\($ENV)"`, `.[env.X]`, `$__easgate_order`, `{$__easgate_order}`, `_easgate_each(1)`, `_easgate_guard`, `@sh "\(env)"`, `{(env.HOME): 1}`,
		`reduce env as $x (0; 1)`, `if env then 1 else 2 end`, `try env catch 1`, `.a *= 2`,
	} {
		got, err := eval(New(generous), expr, data)
		if err == nil {
			t.Errorf("%s = %s, want an error", expr, query.JSON(got))
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v: quotes the data", expr, err)
		}
	}
}

// Each of these took external-auth-server, or gojq alone, down for seconds or for good (ATTACKS 21).
func TestLimits(t *testing.T) {
	data := value(t, `{"n":1000000000,"s":"aaaa"}`)
	for _, c := range []struct {
		expr string
		want error
	}{
		{`def f: f; f`, ErrTime},
		{`[range(1e9)]`, ErrTime},
		{`[limit(1000000000; repeat(1))] | length`, ErrTime},
		{`last(range(1e12))`, ErrTime},
		{`until(false; . )`, ErrTime},
		{`.s * .n`, ErrMemory},
		{`"a" * 1e9`, ErrMemory},
		{`reduce range(60) as $i ([1]; [.,.]) | tojson`, ErrMemory},
		{`reduce range(60) as $i ({}; .a = . | .b = .a) | tojson`, ErrMemory},
		{`reduce range(60) as $i ("a"; . + .)`, ErrMemory},
		{`reduce range(60) as $i ("a"; "\(.)\(.)")`, ErrMemory},
		{`reduce range(90) as $i (3; . * .) | . == 1`, nil},
		{strings.Repeat(`[.,.]|`, 60) + `tojson`, ErrMemory},
		{strings.Repeat(`[.,.]|`, 60) + `. == 1`, ErrMemory},
	} {
		limits := Limits{Time: 50 * time.Millisecond, Memory: 4 << 20}
		if c.want != ErrTime {
			limits.Time = generous.Time // the machine may be slow
		}
		start := time.Now()
		got, err := eval(New(limits), c.expr, data)
		if !errors.Is(err, c.want) {
			t.Errorf("%.60s = %.60s, %v, want %v", c.expr, query.JSON(got), err, c.want)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%.60s: took %v", c.expr, took)
		}
	}
}

func TestCancel(t *testing.T) {
	q, err := New(generous).Compile(`def f: f; f`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := q.Eval(ctx, nil)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Eval = %v, want %v", err, context.Canceled)
	}
}

func TestRestricted(t *testing.T) {
	data := value(t, `{"req":{"headers":{"host":"h.example.com","x-tid":"enc"},"list":["a","b"]}}`)
	e := NewRestricted(generous)
	for _, c := range []struct{ expr, want string }{
		{`.req.headers.host`, `"h.example.com"`},
		{`[.req.headers["x-tid"]]`, `["enc"]`},
		{`.nope`, `null`},
		{`.req.headers.host | split(".")[0]`, `"h"`},
		{`"t-" + .req.headers.host`, `"t-h.example.com"`},
		{`"t-\(.req.headers.host | ascii_upcase)"`, `"t-H.EXAMPLE.COM"`},
		{`if (.req.headers.host | endswith(".com")) then "a" else "b" end`, `"a"`},
		{`.req.headers.nope // "dflt"`, `"dflt"`},
		{`.req.list | map(select(. != "a")) | first`, `"b"`},
		{`.req.list | join("-") | @base64`, `"YS1i"`},
		{`[.req.list[] | test("a")] | any`, `true`},
	} {
		got, err := eval(e, c.expr, data)
		if err != nil {
			t.Errorf("%s: %v, want %s", c.expr, err, c.want)
		} else if query.JSON(got) != c.want {
			t.Errorf("%s = %s, want %s", c.expr, query.JSON(got), c.want)
		}
	}
	for _, expr := range []string{
		`def f: f; f`, `[range(1e9)]`, `repeat(1)`, `until(false; .)`, `limit(1; .)`, `"a" * 5`, `. as $x | $x`,
		`reduce .[] as $x (0; 1)`, `foreach .[] as $x (0; 1)`, `label $x | 1`, `..`, `recurse`, `env`, `$ENV`, `input`,
		`.a = 1`, `.a |= 1`, `del(.a)`, `path(.a)`, `tojson`, `ltrimstr("a"; 1)`, `{$x}`, `now`, `6 / 2`, `getpath(["a"])`,
		strings.Repeat(`[.,.]|`, 9) + `.`, strings.Repeat(`(.+.)|`, 17) + `.`, strings.Repeat(".", 2000),
	} {
		if _, err := e.Compile(expr); err == nil {
			t.Errorf("Compile(%.60s): no error", expr)
		}
	}
}

// Whatever is compiled, or refused, does so without a panic.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`.a`, `reduce .[] as [$x, {y: $z}] (0; . + $x)`, `foreach .[] as $x (0; . + 1; [.])`, `def f(g; $x): g | $x; f(.; 1)`,
		`label $out | break $out`, `. as {a: $x, "b\(1)": [$y]} ?// [$z] | 1`, `try error catch .`, `if . then 1 elif 2 then 3 end`,
		`.a[1:2] |= . + 1`, `"\(1 + 2)"`, `@base64 "x\(.)"`, `{a, $b, "c": 1, (.d): 2, @text "e": 3}`, `import "a" as a; .`, `..?`, `-(-1)`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if q, err := New(Limits{}).Compile(expr); err == nil && q == nil {
			t.Errorf("Compile(%s) = nil, nil", expr)
		}
	})
}

// What strangers write never panics, never runs for long, and yields little.
func FuzzRestricted(f *testing.F) {
	for _, s := range []string{
		`.a`, `[.a,.b]|[.,.]|add`, `"\(.)\(.)"|"\(.)\(.)"`, `.a.b[0:2]|join(",")`, `map(select(.x == 1))`, `try error catch .`,
		`if . then 1 else 2 end`, `.a // .b`, `{a:.b,"c":1,(.d):2}`, `..`, `$ENV`, `test("(a+)+$")`, `.[1e9]`, `.["a","b"]`, `@json`,
		`to_entries|from_entries`, `-1`, `.a?.b`, `first(.[])|last`, `[.[]?]|sort|unique|min`, `fromjson`, `.[-1:][0]`,
	} {
		f.Add(s)
	}
	limits := Limits{Time: 50 * time.Millisecond, Memory: 1 << 20}
	e := NewRestricted(limits)
	data := value(f, `{"a":{"b":["x","y",{"z":null}]},"b":"[1,2]","s":"`+strings.Repeat("long ", 1000)+`"}`)
	f.Fuzz(func(t *testing.T, expr string) {
		q, err := e.Compile(expr)
		if err != nil {
			return
		}
		start := time.Now()
		v, err := q.Eval(context.Background(), data)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", expr, took)
		}
		if err == nil && len(query.JSON(v)) > 16<<20 {
			t.Errorf("%s: %d bytes", expr, len(query.JSON(v)))
		}
	})
}

func BenchmarkEval(b *testing.B) {
	data := value(b, `{"req":{"headers":{"host":"auth.internal","x-forwarded-proto":"https","x-forwarded-host":"app.example.com",`+
		`"x-forwarded-uri":"/api/v4/projects?page=2","x-forwarded-method":"GET","user-agent":"Mozilla/5.0 (X11; Linux x86_64)",`+
		`"accept":"application/json","cookie":"session=0123456789abcdef"},"cookies":{"session":"0123456789abcdef"},"query":{}},`+
		`"parentReqInfo":{"uri":"https://app.example.com/api/v4/projects?page=2","parsedUri":{"scheme":"https","host":"app.example.com",`+
		`"path":"/api/v4/projects","query":"page=2"},"parsedQuery":{"page":"2"},"method":"GET"}}`)
	for _, c := range []struct{ name, expr string }{
		{"path", `.parentReqInfo.parsedUri.path`},
		{"test", `.parentReqInfo.parsedUri.path | startswith("/api/")`},
		{"whole", `[.req.headers.host, .parentReqInfo.method] | join(" ")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			q, err := New(Limits{}).Compile(c.expr)
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Eval(ctx, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// ATTACKS 21: slow queries leave the processor to others in between.
func TestSlowQueriesYield(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q, err := New(Limits{Time: time.Second}).Compile(`[range(1e9)] | length`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = q.Eval(ctx, nil)
			}
		})
	}
	// Each turn comes after one of each of the others'.
	start := time.Now()
	for range 20 {
		runtime.Gosched()
	}
	took := time.Since(start)
	stop()
	wg.Wait()
	if took > 2*time.Second {
		t.Errorf("20 turns took %v, want milliseconds each", took)
	}
}
