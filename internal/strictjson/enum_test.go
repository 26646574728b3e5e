package strictjson_test

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/strictjson"
)

type colors []string

func (colors) Enum() []string { return []string{"red", "green", "blue", "black"} }

func TestEnum(t *testing.T) {
	type config struct {
		Scope  string                  `json:"scope" enum:"base,one,sub"`
		Both   []string                `json:"both" enum:"a,b"`
		Inner  struct{ Colors colors } `json:"inner"`
		Listed []struct {
			Mode string `json:"mode" enum:"x"`
		} `json:"listed"`
		Any any `json:"any" enum:"on,off"`
	}
	for _, tt := range []struct{ name, in, want, hint string }{
		{"listed", `{"scope":"one","both":["a","b"],"inner":{"Colors":["red"]},"any":"on"}`, "", ""},
		{"nothing", `{"scope":"","both":null,"inner":{}}`, "", ""},
		{"another type is for others", `{"any":[true,5]}`, "", ""},
		{"another", `{"scope":"two"}`, "scope: want base, one or sub", "want one of base, one, sub"},
		{"nearly", `{"scope":"Sub"}`, "scope: want base, one or sub", "did you mean sub?"},
		{"in a list", `{"both":["a","c"]}`, "both[1]: want a or b", "want one of a, b"},
		{"by the type", `{"inner":{"Colors":["read"]}}`, "inner.Colors[0]: want one of red, green, blue, black", "did you mean red?"},
		{"in a list of objects", `{"listed":[{"mode":"x"},{"mode":"secret"}]}`, "listed[1].mode: want x", "want x"},
	} {
		var c config
		odd, err := strictjson.Decode([]byte(tt.in), &c)
		if err != nil {
			t.Fatal(err)
		}
		var got, hint string
		if len(odd) > 0 {
			got, hint = odd[0].Error(), problem.HintOf(odd[0])
		}
		if got != tt.want || hint != tt.hint || len(odd) > 1 || strings.Contains(got, "secret") {
			t.Errorf("%s: Decode(%s) = %q, want %q; hint %q, want %q", tt.name, tt.in, odd, tt.want, hint, tt.hint)
		}
	}
}
