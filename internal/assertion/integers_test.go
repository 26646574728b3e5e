package assertion

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

// In a native token 9007199254740993 is not 9007199254740992, which in JavaScript it is.
func TestIntegers(t *testing.T) {
	exact := query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{Time: 10 * time.Second})}
	const text = `{"id":9007199254740993,"ids":[9007199254740993],"s":"9007199254740993","attrs":"{\"level\":5,\"id\":9007199254740993}"}`
	for _, tt := range []struct{ name, rules, native, eas string }{
		{"in its neighbour", `[{"query_engine":"jp","query":"$.id","rule":{"method":"in","value":[9007199254740992]}}]`, "does not hold", "holds"},
		{"not in its neighbour", `[{"query_engine":"jp","query":"$.id","rule":{"method":"in","value":[9007199254740992],"negate":true}}]`, "holds", "does not hold"},
		{"in itself", `[{"query_engine":"jp","query":"$.id","rule":{"method":"in","value":[9007199254740993]}}]`, "holds", "holds"},
		{"equal", `[{"query_engine":"jq","query":".id","rule":{"method":"eq","value":9007199254740993}}]`, "holds", "holds"},
		{"equal to its neighbour", `[{"query_engine":"jq","query":".id","rule":{"method":"eq","value":9007199254740992}}]`, "does not hold", "holds"},
		{"equal to its digits", `[{"query_engine":"jq","query":".id","rule":{"method":"eq","value":"9007199254740993"}}]`, "holds", "holds"},
		{"its digits equal it", `[{"query_engine":"jq","query":".s","rule":{"method":"eq","value":9007199254740993}}]`, "holds", "holds"},
		{"contains its neighbour", `[{"query_engine":"jp","query":"$.ids[*]","rule":{"method":"contains","value":9007199254740992}}]`, "does not hold", "holds"},
		{"without case", `[{"query_engine":"jp","query":"$.id","rule":{"method":"eq","value":9007199254740993,"case_insensitive":true}}]`, "holds", "holds"},
		{"by its digits", `[{"query_engine":"jp","query":"$.id","rule":{"method":"regex","value":"/3$/"}}]`, "holds", "does not hold"},
		{"not empty", `[{"query_engine":"jp","query":"$.id","rule":{"method":"empty","negate":true}}]`, "holds", "holds"},
		{"fromjson", `[{"query_engine":"jq","query":".attrs|fromjson|.level","rule":{"method":"eq","value":5}}]`, "holds", "holds"},
		{"not fromjson", `[{"query_engine":"jq","query":".attrs|fromjson|.level","rule":{"method":"eq","value":5,"negate":true}}]`, "does not hold", "does not hold"},
		{"fromjson, exactly", `[{"query_engine":"jq","query":".attrs|fromjson|.id","rule":{"method":"in","value":[9007199254740992]}}]`, "does not hold", "holds"},
	} {
		for native, want := range map[bool]string{true: tt.native, false: tt.eas} {
			data, err := query.Parse([]byte(text), native)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Compile([]byte(tt.rules), exact, native)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			got := "does not hold"
			if ok, _, err := s.Eval(context.Background(), data); err != nil {
				got = err.Error()
			} else if ok {
				got = "holds"
			}
			if got != want {
				t.Errorf("%s, native %v: %s, want %s", tt.name, native, got, want)
			}
		}
	}
}

func TestLintIntegers(t *testing.T) {
	for _, tt := range []struct {
		expr, spec string
		warns      bool
	}{
		{"$.id", `{"method":"eq","value":9007199254740993}`, true},
		{"$.id", `{"method":"in","value":[1,9007199254740993]}`, true},
		{"$.id", `{"method":"eq","value":"9007199254740993"}`, false},
		{"$.id", `{"method":"eq","value":9007199254740991}`, false},
		{"$[?(@.id==9007199254740993)]", `{"method":"empty"}`, true},
		{"$[?(@.id=='9007199254740993')]", `{"method":"empty"}`, false},
		{"$[?(@.id==9007199254740991)]", `{"method":"empty"}`, false},
		{"$.a12345678901234567890", `{"method":"empty"}`, false},
	} {
		warned := false
		Lint("jp", tt.expr, []byte(tt.spec), func(text string) { warned = warned || strings.Contains(text, "2^53") })
		if warned != tt.warns {
			t.Errorf("Lint(%s, %s): warns %v, want %v", tt.expr, tt.spec, warned, tt.warns)
		}
	}
}
