package query

import (
	"errors"
	"math"
	"testing"
)

// The expectations of this file are what Node 20 answers.

func parse(t testing.TB, text string) Value {
	v, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStringToNumber(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		in   string
		want float64
	}{
		{"", 0}, {"  ", 0}, {"5", 5}, {" 5 ", 5}, {"0x1F", 31}, {"0X1f", 31}, {"0b101", 5}, {"0o17", 15}, {"-0x5", nan}, {"+5", 5},
		{"-5", -5}, {".5", 0.5}, {"5.", 5}, {"5.e3", 5000}, {"1e3", 1000}, {"1E-3", 0.001}, {"1_000", nan}, {"Infinity", math.Inf(1)},
		{"-Infinity", math.Inf(-1)}, {"+Infinity", math.Inf(1)}, {"infinity", nan}, {"NaN", nan}, {"nan", nan}, {"0x", nan}, {"0xg", nan},
		{"1e", nan}, {"e5", nan}, {".", nan}, {"-", nan}, {"+-1", nan}, {"\ufeff7\u2028", 7}, {"00012", 12}, {"1e1000", math.Inf(1)},
		{"0x1p4", nan}, {"1n", nan}, {"é", nan},
	} {
		got := StringToNumber(tt.in)
		if got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
			t.Errorf("StringToNumber(%q) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestLooseEqual(t *testing.T) {
	values := []string{
		`null`, `true`, `false`, `0`, `1`, `""`, `"0"`, `"1"`, `"a"`, `"null"`, `[]`, `[0]`, `[1]`, `["a"]`, `[null]`, `{}`, `{"a":1}`,
		`"[object Object]"`, `"1,2"`, `[1,2]`, `-1`, `"true"`,
	}
	truthy := "0100101111111111111111"
	// A row says which of the values each value is equal to.
	table := []string{
		"1000000000000000000000", "0100100100001000000000", "0011011000110010000000", "0011011000110010000000",
		"0100100100001000000000", "0011010000100010000000", "0011001000010000000000", "0100100100001000000000",
		"0000000010000100000000", "0000000001000000000000", "0011010000000000000000", "0011001000000000000000",
		"0100100100000000000000", "0000000010000000000000", "0011010000000000000000", "0000000000000000010000",
		"0000000000000000010000", "0000000000000001110000", "0000000000000000001100", "0000000000000000001000",
		"0000000000000000000010", "0000000000000000000001",
	}
	for i, a := range values {
		if got := Truthy(parse(t, a)); got != (truthy[i] == '1') {
			t.Errorf("Truthy(%s) = %v", a, got)
		}
		for j, b := range values {
			got, err := LooseEqual(parse(t, a), parse(t, b))
			if want := table[i][j] == '1'; got != want || err != nil {
				t.Errorf("%s == %s is %v, %v, want %v", a, b, got, err, want)
			}
		}
	}
}

func TestUndefined(t *testing.T) {
	for _, tt := range []struct {
		a, b          Value
		loose, strict bool
	}{
		{nil, Undefined{}, true, false},
		{Undefined{}, Undefined{}, true, true},
		{Undefined{}, false, false, false},
		{Undefined{}, "", false, false},
		{math.NaN(), math.NaN(), false, false},
		{math.Copysign(0, -1), 0.0, true, true},
	} {
		loose, err := LooseEqual(tt.a, tt.b)
		if strict := StrictEqual(tt.a, tt.b); loose != tt.loose || strict != tt.strict || err != nil {
			t.Errorf("%#v and %#v: == is %v, === is %v, want %v and %v", tt.a, tt.b, loose, strict, tt.loose, tt.strict)
		}
	}
}

func TestStrictEqualIdentity(t *testing.T) {
	list, object := parse(t, `[1]`), parse(t, `{"a":1}`)
	for _, tt := range []struct {
		name string
		a, b Value
		want bool
	}{
		{"a list is itself", list, list, true},
		{"no other list", list, parse(t, `[1]`), false},
		{"nor a text", list, "1", false},
		{"an object is itself", object, object, true},
		{"no other object", object, parse(t, `{"a":1}`), false},
	} {
		if got := StrictEqual(tt.a, tt.b); got != tt.want || StrictEqual(tt.b, tt.a) != tt.want {
			t.Errorf("%s: StrictEqual = %v", tt.name, got)
		}
	}
}

func TestToString(t *testing.T) {
	for in, want := range map[string]string{
		`[1,[2,null],{},"x",true]`: "1,2,,[object Object],x,true", `[]`: "", `null`: "null", `1e21`: "1e+21", `{"valueOf":1}`: "[object Object]",
	} {
		if got, err := ToString(parse(t, in)); got != want || err != nil {
			t.Errorf("ToString(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`{"toString":1}`, `[[{"toString":null}]]`} {
		if got, err := ToString(parse(t, in)); !errors.Is(err, ErrNoPrimitive) {
			t.Errorf("ToString(%s) = %q, %v, want %v", in, got, err, ErrNoPrimitive)
		}
		if got, err := LooseEqual(parse(t, in), "x"); got || !errors.Is(err, ErrNoPrimitive) {
			t.Errorf(`%s == "x" is %v, %v, want %v`, in, got, err, ErrNoPrimitive)
		}
	}
}

func TestToLower(t *testing.T) {
	for in, want := range map[string]string{
		"Alpha": "alpha", "ΑΣ": "ας", "ΑΣΑ": "ασα", "Σ": "σ", "ΑΣ.": "ας.", "ΑΣ.Α": "ασ.α", "İI": "i̇i", "ẞ": "ß", "ΑΣ Β": "ας β",
		"aΣ\u0301": "aς\u0301", "Ⅷ": "ⅷ", "𐐀": "𐐨", "ADMİN": "admi̇n",
	} {
		if got := ToLower(in); got != want {
			t.Errorf("ToLower(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUTF16(t *testing.T) {
	const s = "aé😀z"
	if got := Length(s); got != 5 {
		t.Errorf("Length(%q) = %d, want 5", s, got)
	}
	for i, want := range []Value{"a", "é", "\ufffd", "\ufffd", "z", Undefined{}} {
		if got := CharAt(s, i); got != want {
			t.Errorf("CharAt(%q, %d) = %v, want %v", s, i, got, want)
		}
	}
	for key, want := range map[string]int{"0": 0, "10": 10, "01": -1, "-1": -1, "": -1, "1.0": -1, "4294967295": -1} {
		if got, ok := ArrayIndex(key); ok != (want >= 0) || ok && got != want {
			t.Errorf("ArrayIndex(%q) = %d, %v", key, got, ok)
		}
	}
}
