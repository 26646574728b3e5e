package jq

import (
	"context"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

func evalNative(expr string, data query.Value) (query.Value, error) {
	q, err := New(generous).(query.Native).CompileNative(expr)
	if err != nil {
		return nil, err
	}
	return q.Eval(context.Background(), data)
}

// Every type that gojq documents comes out as a value, and any other is an error: what neither is was once a number that
// no rule found, and a header that was no JSON.
func TestDoor(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 2000)
	for _, exact := range []bool{false, true} {
		r := &restorer{exact: exact}
		for _, in := range []any{
			nil, true, 5, math.MaxInt, math.MinInt, 1.5, math.NaN(), math.Inf(1), big.NewInt(5), big.NewInt(1 << 60), huge,
			json.Number("5"), json.Number("9007199254740993"), json.Number("1.5e3"), "text", "\xff", []any{1, "x"},
			map[string]any{"a": json.Number("1"), "b\xff": []any{huge}},
		} {
			v, err := r.value(in)
			if err != nil {
				t.Errorf("%T %v: %v", in, in, err)
			}
			querytest.Value(t, "a value of gojq", v)
		}
		for _, in := range []any{int64(5), float32(1), []string{"x"}, map[string]int{}, struct{}{}, json.Number("1e999"), json.Number("x"), []any{int8(1)}} {
			if v, err := r.value(in); err == nil {
				t.Errorf("%T: %s, want an error", in, query.JSON(v))
			}
		}
	}
}

// Whatever comes out is a value, and its JSON parses back to the same.
func TestProperty(t *testing.T) {
	data, err := query.Parse([]byte(`{"n":9007199254740993,"f":1.5,"s":"x","j":"{\"b\":[1,9007199254740993,1.5e300],\"a\":null}","l":[1,[2,{}]],"o":{"z":1,"a":2}}`), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{
		`.`, `.n`, `.j | fromjson`, `.j | fromjson | .b[1]`, `[.n, .f] | add`, `.n + 1`, `.n * 2`, `-.n`, `[limit(3; repeat(1))]`, `nan`, `infinite`, `-infinite`,
		`[nan, infinite]`, `"/w==" | @base64d`, `{("/w==" | @base64d): 1}`, `"9007199254740993" | tonumber`, `.l | flatten`, `.o | to_entries`, `[paths]`, `now`,
		`"2020-01-01T00:00:00Z" | fromdate`, `[1, 2] | indices(1)`, `.s | explode`, `[.s | match("x").offset]`, `1e1000`, `123456789012345678901234567890`,
		`reduce range(400) as $i (1000000000000; . + .)`, `$__loc__?`, `[.[] | tojson]`, `.j |= fromjson`, `def f: fromjson; .j | f`, `input_line_number?`,
		`[splits("a")?]`, `ltrimstr("x")`, `.n | tostring`, `[.n] | implode?`, `@json`, `.n / 1`, `.n % 10`, `[.n, .f] | sort`, `.n | floor`,
	} {
		for mode, eval := range map[string]func(string, query.Value) (query.Value, error){
			"native": evalNative,
			"eas":    func(expr string, data query.Value) (query.Value, error) { return eval(New(generous), expr, data) },
		} {
			if v, err := eval(expr, data); err == nil {
				querytest.Value(t, mode+": "+expr, v)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	data, err := query.Parse([]byte(`{"custom:attrs":"{\"level\":5,\"id\":9007199254740993}","id":9007199254740993,"n":3}`), true)
	if err != nil {
		t.Fatal(err)
	}
	rounded, err := query.ParseJSON([]byte(query.JSON(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ expr, native, eas string }{
		{`.["custom:attrs"]|fromjson|.level`, `5`, `5`},
		{`.["custom:attrs"]|fromjson`, `{"level":5,"id":9007199254740993}`, `{"level":5,"id":9007199254740992}`},
		{`.id`, `9007199254740993`, `9007199254740992`},
		{`[.id]`, `[9007199254740993]`, `[9007199254740992]`},
		{`.id == 9007199254740993`, `true`, `true`},
		{`.id == 9007199254740992`, `false`, `true`},
		{`.id | tostring`, `"9007199254740993"`, `"9007199254740992"`},
		{`"id-\(.id)"`, `"id-9007199254740993"`, `"id-9007199254740992"`},
		{`"9007199254740993" | tonumber`, `9007199254740993`, `9007199254740992`},
		{`"0009007199254740993" | tonumber`, `9007199254740993`, `9007199254740992`},
		{`9007199254740993`, `9007199254740993`, `9007199254740992`},
		{`.n`, `3`, `3`},
	} {
		if got, err := evalNative(tt.expr, data); err != nil || query.JSON(got) != tt.native {
			t.Errorf("native: %s = %s, %v, want %s", tt.expr, query.JSON(got), err, tt.native)
		}
		if got, err := eval(New(generous), tt.expr, rounded); err != nil || query.JSON(got) != tt.eas {
			t.Errorf("eas: %s = %s, %v, want %s", tt.expr, query.JSON(got), err, tt.eas)
		}
	}
}

// What jq 1.6 itself said, where gojq says otherwise.
func TestLikeJQ(t *testing.T) {
	for _, tt := range []struct{ in, expr, want string }{
		{`null`, `ltrimstr("x")`, `null`},
		{`{}`, `.a | ltrimstr("x") | rtrimstr("y")`, `null`},
		{`5`, `rtrimstr("5")`, `5`},
		{`"ab"`, `ltrimstr(1)`, `"ab"`},
		{`"ab"`, `ltrimstr("a"), rtrimstr("b") | select(. == "a")`, `"a"`},
		{`null`, `reverse`, `[]`},
		{`"05"`, `tonumber`, `5`},
		{`" .5 "`, `tonumber`, `0.5`},
		{`"1"`, `fromjson`, `1`},
		{`"{\"b\":1,\"a\":{\"d\":1,\"c\":2}}"`, `fromjson | [keys_unsorted, .a]`, `[["b","a"],{"d":1,"c":2}]`},
		{`["x"]`, `to_entries`, `[{"key":0,"value":"x"}]`},
		{`{"z":1,"a":[2]}`, `flatten`, `[1,2]`},
		{`{"z":"1","a":"2"}`, `join(",")`, `"1,2"`},
		{`[1,[2]]`, `leaf_paths | select(length == 1)`, `[0]`},
		{`{"a":5}`, `def f(p): p |= 1; f(.a)`, `{"a":1}`},
		{`{"b":5,"a":6}`, `def f(p): p |= . + 1; f(.[])`, `{"b":6,"a":7}`},
		{`{"b":5,"a":6}`, `def f(p; v): p |= v; f(.[]; 7)`, `{"b":7,"a":7}`},
		{`[1,2,3]`, `def f(p): del(p); f(.[0])`, `[2,3]`},
		{`[1,2]`, `def f(p): def g(q): q |= 9; g(p); f(.[])`, `[9,9]`},
		{`{"z":1,"a":2}`, `def f(g): [g]; f(.[])`, `[1,2]`},
		{`{"z":1,"a":2}`, `def f(ltrimstr): [ltrimstr]; f(.z)`, `[1]`},
		{`"x"`, `def test: 5; test`, `5`},
	} {
		for mode, eval := range map[string]func(string, query.Value) (query.Value, error){
			"native": evalNative,
			"eas":    func(expr string, data query.Value) (query.Value, error) { return eval(New(generous), expr, data) },
		} {
			if got, err := eval(tt.expr, value(t, tt.in)); err != nil || query.JSON(got) != tt.want {
				t.Errorf("%s: %s | %s = %s, %v, want %s", mode, tt.in, tt.expr, query.JSON(got), err, tt.want)
			}
		}
	}
	for _, tt := range []struct{ in, expr string }{
		{`""`, `tonumber`}, {`""`, `fromjson`}, {`"nan"`, `tonumber`}, {`"0x5"`, `tonumber`}, {`"1 2"`, `fromjson`}, {`5`, `fromjson`}, {`"a"`, `reverse`},
		{`"` + strings.Repeat("[", 300) + `"`, `fromjson`},
	} {
		if got, err := eval(New(generous), tt.expr, value(t, tt.in)); err == nil {
			t.Errorf("%s | %s = %s, want an error", tt.in, tt.expr, query.JSON(got))
		}
	}
}

// An error says in jq's words what was wrong, and neither quotes the data nor names a type of Go's.
func TestWords(t *testing.T) {
	data := value(t, `{"s":"s3cr3t","n":5,"nul":null,"o":{"s3cr3t":1},"l":[1]}`)
	for _, tt := range []struct{ expr, want string }{
		{`.nul[]`, "Cannot iterate over null"},
		{`[.nul[]]`, "Cannot iterate over null"},
		{`.n.x`, "Cannot index number with a key"},
		{`.n | .[0]`, "Cannot index number with a number"},
		{`.l["x"]`, "Cannot index array with a key"},
		{`.n | keys`, "number has no keys"},
		{`.n | to_entries`, "number has no keys"},
		{`.s + 1`, "string and number cannot be added"},
		{`.o - 1`, "object and number cannot be subtracted"},
		{`.o * 2`, "object and number cannot be multiplied"},
		{`.n / 0`, "cannot be divided because the divisor is zero"},
		{`.s | tonumber`, "string cannot be parsed as a number"},
		{`.s | fromjson`, "string cannot be parsed as JSON"},
		{`.n | test("x")`, "number cannot be matched, as it is not a string"},
		{`.s | test(.)`, ""},
		{`.s as $s | "x" | test("(" + $s)`, "not a regular expression"},
		{`-.s`, "string cannot be negated"},
		{`.n | startswith("x")`, "startswith cannot be applied to number"},
		{`.nul | ascii_downcase`, "ascii_downcase cannot be applied to null"},
		{`{(.n): 1}`, "Object keys must be strings"},
		{`error(.s)`, "error() was called"},
		{`error`, "error() was called"},
		{`.s | format(.)`, "cannot be evaluated"},
		{`.n | splits("x")`, "number cannot be matched"},
		{`.o | implode`, "implode cannot be applied to object"},
		{`.s | strptime("%Y")`, "strptime cannot be applied to string"},
		{`.s | @base64d | fromjson`, ""},
	} {
		got, err := eval(New(generous), tt.expr, data)
		if tt.want == "" {
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "jq: "+tt.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s = %s, %v, want %q", tt.expr, query.JSON(got), err, tt.want)
		}
	}
}

// A regular expression that stands in a query and that Go does not know is found when the token is sealed, not by the
// first request.
func TestRegexps(t *testing.T) {
	for _, tt := range []struct {
		expr string
		ok   bool
	}{
		{`test("^a+$")`, true},
		{`test("A"; "i")`, true},
		{`.x | sub("(?<y>a)"; "\(.y)"; "g")`, true},
		{`test(.pattern)`, true},
		{`test("a\(.x)")`, true},
		{`split("(")`, true},
		{`splits("a")`, true},
		{`def test(x): x; test("(")`, true},
		{`test("(?=a)")`, false},
		{`match("(a)\\1")`, false},
		{`[.x[] | select(test("(?<!a)b"))]`, false},
		{`capture("(")`, false},
		{`scan("[")`, false},
		{`splits("(?!a)")`, false},
		{`split("(?!a)"; null)`, false},
		{`gsub("(?<=a)b"; "c")`, false},
		{`test("a"; "q")`, false},
		{`def f: test("(?=a)"); f`, false},
	} {
		_, err := New(generous).(query.Native).CompileNative(tt.expr)
		if (err == nil) != tt.ok {
			t.Errorf("CompileNative(%s) = %v, want ok: %v", tt.expr, err, tt.ok)
		}
		if !tt.ok && !strings.Contains(err.Error(), "the rule method regex") {
			t.Errorf("CompileNative(%s) = %v, want it to say what to do", tt.expr, err)
		}
		if _, err := New(generous).Compile(tt.expr); err != nil {
			t.Errorf("Compile(%s) = %v: as in external-auth-server, it fails when it is evaluated", tt.expr, err)
		}
	}
}
