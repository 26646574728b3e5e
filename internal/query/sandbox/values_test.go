package sandbox

import (
	"math"
	"math/big"
	"testing"
	"time"

	"modernc.org/quickjs"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

// Every type that the engine of JavaScript returns becomes a value or is an error.
func TestDoor(t *testing.T) {
	for _, in := range []any{nil, true, 5, 1.5, math.NaN(), quickjs.Undefined{}, "stext", "s", "s\xed\xa0\x80", "j[1,{\"a\":null}]", "i9007199254740993",
		"i[9007199254740993,5]", big.NewInt(5), new(big.Int).Lsh(big.NewInt(1), 64)} {
		v, err := decode(in)
		if err != nil {
			t.Errorf("decode(%T %v): %v", in, in, err)
		}
		querytest.Value(t, "a result", v)
	}
	for _, in := range []any{quickjs.Unsupported{}, &quickjs.Object{}, "", "p", "x", "j{", int64(5), []byte("s"), []any{}, struct{}{}, new(big.Int).Lsh(big.NewInt(1), 1025)} {
		if v, err := decode(in); err == nil {
			t.Errorf("decode(%T) = %s, want an error", in, query.JSON(v))
		}
	}
}

// Whatever a script makes comes out as a value whose JSON parses back to the same, or is an error.
func TestProperty(t *testing.T) {
	s := New(Options{Limits: Limits{Time: 10 * time.Second}})
	defer s.Close()
	data, err := query.Parse([]byte(`{"id":9007199254740993,"list":[1,-9007199254740993],"__proto__":{"toString":18446744073709551616},"n":5}`), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ body, want string }{
		{`return data`, query.JSON(data)},
		{`return data.id`, `9007199254740993`},
		{`return [data.id, data.n]`, `[9007199254740993,5]`},
		{`return "id-" + data.id`, `"id-9007199254740993"`},
		{`return data.id == 9007199254740992`, `false`},
		{`return data.id === 9007199254740993n`, `true`},
		{`return data.list.map(String)`, `["1","-9007199254740993"]`},
		{`return data["__proto__"].toString`, `18446744073709551616`},
		{`return 5n`, `5`},
		{`return 2n ** 64n`, `18446744073709551616`},
		{`return 2n ** 1024n`, ``},
		{`return [2n ** 5000n]`, ``},
		{`return 9007199254740993`, `9007199254740992`},
		{`return NaN`, `null`},
		{`return [NaN, Infinity, -0]`, `[null,null,0]`},
		{`return "\ud800"`, "\"\ufffd\""},
		{`return ["\udc00x", {["\ud800"]: 1}]`, "[\"\ufffdx\",{\"\ufffd\":1}]"},
		{`return undefined`, ``},
		{`return () => 1`, ``},
		{`return Symbol("x")`, ``},
		{`return {toJSON() { return 5n; }}`, `5`},
		{`return new Date(0)`, `"1970-01-01T00:00:00.000Z"`},
		{`return new Map([[1, 2]])`, `{}`},
		{`return [undefined, () => 1]`, `[null,null]`},
		{`return new Number(5)`, `{}`},
		{`return Promise.resolve(data.id)`, `9007199254740993`},
	} {
		v, err := evaluate(s.JS(), tt.body, data)
		if err == nil {
			querytest.Value(t, tt.body, v)
		}
		if got := query.JSON(v); err == nil && got != tt.want || err != nil && tt.want != "" {
			t.Errorf("%s = %s, %v, want %s", tt.body, got, err, tt.want)
		}
	}
	if v, err := evaluate(s.JS(), `return data + 1n`, query.Integer("9007199254740993")); err != nil || v != query.Integer("9007199254740994") {
		t.Errorf("an integer alone + 1 = %v, %v", v, err)
	}
	if v, err := evaluate(s.JS(), `return data`, []any{make(chan int)}); err == nil {
		t.Errorf("data of an unknown type = %v, want an error", v)
	}
}
