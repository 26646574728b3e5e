package query

import "testing"

func TestASCII(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:          `{"a":1}`,
		`"Łukasz 山田 😀 é"`:  `"\u0141ukasz \u5c71\u7530 \ud83d\ude00 \u00e9"`,
		"\"\u007f\u0085\"": `"\u007f\u0085"`,
	} {
		got := ASCII(in)
		if got != want {
			t.Errorf("ASCII(%s) = %s, want %s", in, got, want)
		}
		a, err := ParseJSON([]byte(in))
		b, err2 := ParseJSON([]byte(got))
		if err != nil || err2 != nil || JSON(a) != JSON(b) {
			t.Errorf("%s does not parse back: %v, %v", got, err, err2)
		}
	}
}
