package query

import (
	"testing"
)

func TestParseExact(t *testing.T) {
	for _, tt := range []struct{ in, exact, rounded string }{
		{"9007199254740991", "9007199254740991", "9007199254740991"},
		{"9007199254740992", "9007199254740992", "9007199254740992"},
		{"9007199254740993", "9007199254740993", "9007199254740992"},
		{"-9007199254740993", "-9007199254740993", "-9007199254740992"},
		{`{"id":[123456789012345678901234567890]}`, `{"id":[123456789012345678901234567890]}`, `{"id":[1.2345678901234568e+29]}`},
		{"1e300", "1e+300", "1e+300"},
		{"9007199254740993.5", "9007199254740994", "9007199254740994"},
		{"0", "0", "0"},
	} {
		for exact, want := range map[bool]string{true: tt.exact, false: tt.rounded} {
			v, err := Parse([]byte(tt.in), exact)
			if got := JSON(v); got != want || err != nil {
				t.Errorf("Parse(%s, %v) = %s, %v, want %s", tt.in, exact, got, err, want)
			}
		}
	}
	if v, err := Parse([]byte("10e999"), true); err == nil {
		t.Errorf("Parse(10e999) = %v, want an error", v)
	}
}

func TestIntegers(t *testing.T) {
	const big = Integer("9007199254740993")
	for _, tt := range []struct {
		a, b          Value
		loose, strict bool
	}{
		{big, big, true, true},
		{big, Integer("9007199254740992"), false, false},
		{big, 9007199254740992.0, false, false},
		{Integer("9007199254740992"), 9007199254740992.0, true, true},
		{big, 5.0, false, false},
		{big, "9007199254740993", true, false},
		{big, " +09007199254740993\n", true, false},
		{big, "9007199254740992", false, false},
		{big, "9007199254740992.0", false, false},
		{big, "-9007199254740993", false, false},
		{Integer("-9007199254740993"), "-9007199254740993", true, false},
		{big, "", false, false},
		{big, "x", false, false},
		{big, true, false, false},
		{big, nil, false, false},
		{big, []any{big}, true, false},
		{big, []any{"9007199254740993"}, true, false},
		{[]any{big, big}, "9007199254740993,9007199254740993", true, false},
	} {
		for _, pair := range [][2]Value{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got, err := LooseEqual(pair[0], pair[1]); got != tt.loose || err != nil {
				t.Errorf("%s == %s: %v, %v, want %v", JSON(pair[0]), JSON(pair[1]), got, err, tt.loose)
			}
			if got := StrictEqual(pair[0], pair[1]); got != tt.strict {
				t.Errorf("%s === %s: %v, want %v", JSON(pair[0]), JSON(pair[1]), got, tt.strict)
			}
		}
	}
	if !Truthy(big) {
		t.Error("an integer is not truthy")
	}
	if s, err := ToString(big); s != string(big) || err != nil {
		t.Errorf("ToString = %s, %v", s, err)
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		a, b Value
		c    int
		ok   bool
	}{
		{1.0, 2.0, -1, true},
		{2.0, 2.0, 0, true},
		{Integer("9007199254740993"), Integer("9007199254740992"), 1, true},
		{Integer("9007199254740993"), 9007199254740992.0, 1, true},
		{Integer("-9007199254740993"), -9007199254740992.0, -1, true},
		{Integer("9007199254740993"), 1.0, 1, true},
		{"1", 2.0, -1, true},
		{"x", 1.0, 0, false},
		{Undefined{}, 1.0, 0, false},
	} {
		if c, ok, err := Compare(tt.a, tt.b); c != tt.c || ok != tt.ok || err != nil {
			t.Errorf("Compare(%s, %s) = %d, %v, %v, want %d, %v", JSON(tt.a), JSON(tt.b), c, ok, err, tt.c, tt.ok)
		}
	}
}
