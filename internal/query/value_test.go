package query

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseAndAppendJSON(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"keys keep their order", `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		{"integer keys come first, ascending", `{"b":1,"10":2,"2":3,"a":4,"0":5}`, `{"0":5,"2":3,"10":2,"b":1,"a":4}`},
		{"what only looks like an index does not", `{"01":1,"-1":2,"4294967295":3,"4294967294":4," 1":5}`, `{"4294967294":4,"01":1,"-1":2,"4294967295":3," 1":5}`},
		{"the last of equal keys wins and keeps the first's place", `{"a":1,"b":2,"a":3,"1":4,"1":5}`, `{"1":5,"a":3,"b":2}`},
		{"escapes", `"\u0000\b\f\n\r\t\"\\\/<>&\u2028é\ud83d\ude00"`, "\"\\u0000\\b\\f\\n\\r\\t\\\"\\\\/<>&\u2028é😀\""},
		{"numbers", `[1.0,1e2,-0,1e21,1e-7,0.1]`, `[1,100,0,1e+21,1e-7,0.1]`},
		{"space", " [ 1 , { } ]\n", `[1,{}]`},
	} {
		v, err := ParseJSON([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: ParseJSON(%s): %v", tt.name, tt.in, err)
			continue
		}
		if got := JSON(v); got != tt.want {
			t.Errorf("%s: %s = %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestParseJSONErrors(t *testing.T) {
	for _, in := range []string{
		"", " ", "[1,]", "[1 2]", `{"a" 1}`, `{"a":1,}`, "{1:2}", "1 2", "nul", "[", `{"a":`, "]", "+1", "01", "1e400", "NaN",
		strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat(`{"a":`, 100_000),
	} {
		if v, err := ParseJSON([]byte(in)); err == nil {
			t.Errorf("ParseJSON(%.20q) = %v, want an error", in, v)
		}
	}
}

func TestAppendJSONUndefined(t *testing.T) {
	o := &Object{}
	o.Set("a", Undefined{})
	o.Set("b", []any{Undefined{}, nil, math.NaN(), math.Inf(1)})
	if got, want := JSON(o), `{"b":[null,null,null,null]}`; got != want {
		t.Errorf("JSON = %s, want %s", got, want)
	}
	if got := JSON(Undefined{}); got != "" {
		t.Errorf("JSON(undefined) = %q, want nothing", got)
	}
}

// Setting keys one by one and all at once make the same object, whatever their order and number.
func TestObjectOf(t *testing.T) {
	for n := range 40 {
		var keys []string
		var vals []Value
		one := &Object{}
		for i := range n {
			k := strconv.Itoa((i * 7) % 11)
			if i%3 > 0 {
				k = "k" + strconv.Itoa((i*5)%23)
			}
			keys, vals = append(keys, k), append(vals, float64(i))
			one.Set(k, float64(i))
		}
		all := ObjectOf(keys, vals)
		if got, want := JSON(all), JSON(one); got != want {
			t.Errorf("ObjectOf with %d keys = %s, want %s", n, got, want)
		}
		for i := range all.Len() {
			k, v := all.At(i)
			for _, o := range []*Object{one, all} {
				if got, ok := o.Get(k); !ok || got != v {
					t.Errorf("%d keys: Get(%q) = %v, %v, want %v", n, k, got, ok, v)
				}
			}
		}
		all.Set("new", true)
		if got, ok := all.Get("new"); !ok || got != true {
			t.Errorf("%d keys: Get after Set = %v, %v", n, got, ok)
		}
	}
}

// A client can send JSON whose keys are integers in descending order, which JavaScript's order turns around.
func TestIntegerKeysTakeNoLonger(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"a":0`)
	for i := 100_000; i > 0; i-- {
		b.WriteString(`,"` + strconv.Itoa(i) + `":0`)
	}
	b.WriteString("}")
	start := time.Now()
	v, err := ParseJSON([]byte(b.String()))
	if err != nil || v.(*Object).Len() != 100_001 {
		t.Fatal(v, err)
	}
	// Insertion one by one takes some ten seconds.
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("ParseJSON took %v", d)
	}
}

// The answers are Node's.
func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 0.1: "0.1", 1.5: "1.5", -2.25: "-2.25", 1e21: "1e+21", 1e20: "100000000000000000000",
		123456789012345680000: "123456789012345680000", 1e-6: "0.000001", 1e-7: "1e-7", 1.23e-7: "1.23e-7", 5e-324: "5e-324",
		math.MaxFloat64: "1.7976931348623157e+308", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
		9007199254740993: "9007199254740992", 0.000001234: "0.000001234", 1e100: "1e+100", -1e-10: "-1e-10",
	} {
		if got := Number(f); got != want {
			t.Errorf("Number(%v) = %s, want %s", f, got, want)
		}
	}
	if got := Number(math.NaN()) + Number(math.Copysign(0, -1)); got != "NaN0" {
		t.Errorf("Number(NaN), Number(-0) = %s", got)
	}
}

func TestGoValues(t *testing.T) {
	in := map[string]any{"b": []any{1.0, nil, "x"}, "a": map[string]any{"n": json.Number("5")}, "i": 3, "s": []string{"y"},
		"n": []any{int64(1) << 53, json.Number("-9007199254740993"), new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(7), int64(-5)}}
	v, err := FromGo(in)
	if got, want := JSON(v), `{"a":{"n":5},"b":[1,null,"x"],"i":3,"n":[9007199254740992,-9007199254740993,18446744073709551616,7,-5],"s":["y"]}`; got != want || err != nil {
		t.Errorf("FromGo = %s, %v, want %s", got, err, want)
	}
	delete(in, "n")
	if v, err = FromGo(in); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"b": []any{1.0, nil, "x"}, "a": map[string]any{"n": 5.0}, "i": 3.0, "s": []any{"y"}}
	if got := ToGo(v); !reflect.DeepEqual(got, want) {
		t.Errorf("ToGo = %v, want %v", got, want)
	}
}

// An object of a hundred thousand integer keys in a bad order is built at once.
func TestBuilder(t *testing.T) {
	const n = 100_000
	start := time.Now()
	var b Builder
	for i := n; i > 0; i-- {
		b.Set(strconv.Itoa(i), float64(i))
	}
	b.Set("x", 1.0)
	b.Set("5", "again")
	b.Set("x", 2.0)
	if v, ok := b.Get("7"); v != 7.0 || !ok {
		t.Errorf("Get = %v, %v", v, ok)
	}
	if _, ok := b.Get("y"); ok {
		t.Error("Get of nothing finds something")
	}
	o := b.Object()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	first, _ := o.At(0)
	last, x := o.At(n)
	five, _ := o.Get("5")
	if o.Len() != n+1 || first != "1" || last != "x" || x != 2.0 || five != "again" {
		t.Errorf("%d keys from %s to %s = %v; 5 is %v", o.Len(), first, last, x, five)
	}
	if got := JSON((&Builder{}).Object()); got != "{}" {
		t.Errorf("an empty builder makes %s", got)
	}
}

// What is no value never becomes one, or nothing, on its way: a header of it would be broken, and a rule about it wrong.
func TestUnknownTypes(t *testing.T) {
	for _, v := range []any{make(chan int), json.Number("5"), 5, int64(5), float32(1), []string{"x"}, map[string]any{}, struct{}{}, []byte("x"), &struct{}{}} {
		for _, in := range []any{v, []any{v}, ObjectOf([]string{"a"}, []any{v})} {
			if b, err := AppendJSON(nil, in); err == nil {
				t.Errorf("AppendJSON(%T) = %s, want an error", v, b)
			}
			if got := JSON(in); json.Valid([]byte(got)) {
				t.Errorf("JSON(%T) = %s, want no JSON", v, got)
			}
		}
		for _, other := range []Value{nil, Undefined{}, "", "5", 5.0, true, []any{}, Integer("9007199254740993")} {
			if eq, err := LooseEqual(v, other); eq || err == nil {
				t.Errorf("LooseEqual(%T, %s) = %v, %v, want an error", v, JSON(other), eq, err)
			}
			if eq, err := LooseEqual(other, v); eq || err == nil {
				t.Errorf("LooseEqual(%s, %T) = %v, %v, want an error", JSON(other), v, eq, err)
			}
		}
		if s, err := ToString(v); err == nil {
			t.Errorf("ToString(%T) = %q, want an error", v, s)
		}
		if f, err := ToNumber(v); err == nil {
			t.Errorf("ToNumber(%T) = %v, want an error", v, f)
		}
	}
	for _, v := range []any{make(chan int), float32(1), struct{}{}, []any{map[string]any{"x": []byte("x")}}, json.Number("x"), json.Number(""), json.Number("nan"), json.Number("0x1p2"), json.Number("1,2")} {
		if got, err := FromGo(v); err == nil {
			t.Errorf("FromGo(%T) = %s, want an error", v, JSON(got))
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}],"1":true}`, `"\ud800"`, `[1,]`, `{"a":1,"a":2}`, "1e999", "\"\xff\"", "-0", "[[]]x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseJSON(text)
		var want any
		wantErr := json.Unmarshal(text, &want)
		if err == errDepth {
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("ParseJSON(%q): %v, encoding/json: %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		if got := ToGo(v); !reflect.DeepEqual(got, want) {
			t.Fatalf("ParseJSON(%q) = %v, want %v", text, got, want)
		}
		out, err := AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseJSON(out)
		if err != nil || JSON(again) != string(out) {
			t.Fatalf("%s does not survive: %s, %v", out, JSON(again), err)
		}
		var back any
		if err := json.Unmarshal(out, &back); err != nil || !reflect.DeepEqual(back, want) {
			t.Fatalf("AppendJSON(%q) = %s: %v", text, out, err)
		}
	})
}
