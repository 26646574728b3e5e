package jq

import (
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// docs/queries.md says where the order of keys is jq 1.6's, and where keys are sorted. want was made by jq 1.6, sorted is
// what differs.
func TestOrderOfKeys(t *testing.T) {
	data, err := query.ParseJSON([]byte(`{"z":{"y":1,"b":2},"a":{"q":3,"c":4},"s":"xay"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ expr, want, sorted string }{
		{`.`, `{"z":{"y":1,"b":2},"a":{"q":3,"c":4},"s":"xay"}`, ""},
		{`[.[]]`, `[{"y":1,"b":2},{"q":3,"c":4},"xay"]`, ""},
		{`[..|numbers]`, `[1,2,3,4]`, ""},
		{`map(.)`, `[{"y":1,"b":2},{"q":3,"c":4},"xay"]`, ""},
		{`to_entries|map(.key)`, `["z","a","s"]`, ""},
		{`.a|tojson`, `"{\"q\":3,\"c\":4}"`, ""},
		{`del(.a)`, `{"z":{"y":1,"b":2},"s":"xay"}`, ""},
		{`{b:1,a:2}`, `{"b":1,"a":2}`, ""},
		{`keys`, `["a","s","z"]`, ""},
		{`[path(.[])]`, `[["z"],["a"],["s"]]`, `[["a"],["s"],["z"]]`},
		{`.z|[paths]`, `[["y"],["b"]]`, `[["b"],["y"]]`},
		{`.z|[tostream]`, `[[["y"],1],[["b"],2],[["b"]]]`, `[[["b"],2],[["y"],1],[["y"]]]`},
		{`.s|capture("(?<n>a)(?<b>y)")`, `{"n":"a","b":"y"}`, `{"b":"y","n":"a"}`},
		{`.s|match("a")`, `{"offset":1,"length":1,"string":"a","captures":[]}`, `{"captures":[],"length":1,"offset":1,"string":"a"}`},
	} {
		q, err := New(Limits{}).Compile(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		want := tt.want
		if tt.sorted != "" {
			want = tt.sorted
		}
		if v, err := q.Eval(t.Context(), data); err != nil || query.JSON(v) != want {
			t.Errorf("%s = %s, %v, want %s", tt.expr, query.JSON(v), err, want)
		}
	}
}
