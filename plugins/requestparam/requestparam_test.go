package requestparam_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestparam"
)

func TestContract(t *testing.T) {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(requestparam.New),
		Config:  config,
		Allowed: plugintest.Request{URL: "https://app.example.com/download?file=a&token=4f1c7b6a09"},
		Secrets: []string{"4f1c7b6a09"},
		BadConfigs: map[string]string{
			`{}`:                            "params: required",
			`{"params": {}}`:                "params: empty",
			`{"params": {"k": 5}}`:          "params.k",
			`{"params": {"k": []}}`:         "params.k",
			`{"params": {"k": [{}, "v"]}}`:  "params.k",
			`{"params": ["k"]}`:             "params: want",
			`{"params": {"a": "", "b": 1}}`: "params.b",
		},
	})
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		query        *query.Object
		want         plugins.Verdict
	}{
		{"match", `{"k": "v"}`, object("k", "v"), plugins.Allow},
		{"no match", `{"k": "v"}`, object("k", "z"), plugins.Deny},
		{"values in their case", `{"k": "v"}`, object("k", "V"), plugins.Deny},
		{"names in their case", `{"k": "v"}`, object("K", "v"), plugins.Deny},
		{"missing", `{"k": "v"}`, object(), plugins.Deny},
		{"second of a list", `{"k": ["u", "v"]}`, object("k", "v"), plugins.Allow},
		{"second parameter", `{"j": "u", "k": "v"}`, object("k", "v"), plugins.Allow},
		{"right value of the wrong parameter", `{"j": "u", "k": "v"}`, object("j", "v", "k", "u"), plugins.Deny},
		{"without a value", `{"k": null}`, object("k", nil), plugins.Allow},
		{"null does not mean missing", `{"k": null}`, object(), plugins.Deny},
		{"null is not the empty value", `{"k": null}`, object("k", ""), plugins.Deny},
		{"the empty value is not null", `{"k": ""}`, object("k", nil), plugins.Deny},
		{"twice never matches", `{"k": ["u", "v"]}`, object("k", []any{"u", "v"}), plugins.Deny},
		{"a number is not its text", `{"k": 5}`, object("k", "5"), plugins.Deny},
		{"no parameters", `{}`, object("k", "v"), plugins.Deny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _, err := plugins.Of(requestparam.New).Build([]byte(`{"params": `+tt.config+`}`), plugintest.Env(t))
			if err != nil {
				t.Fatal(err)
			}
			res, err := p.Verify(t.Context(), plugintest.Request{Query: tt.query}.Build())
			if err != nil || res.Verdict != tt.want {
				t.Errorf("Verify = %v, %v, want %v", res.Verdict, err, tt.want)
			}
			if tt.want == plugins.Deny && res.StatusCode() != http.StatusForbidden {
				t.Errorf("status = %d, want 403", res.StatusCode())
			}
		})
	}
}

// object makes a parsed query of names and values in turn.
func object(pairs ...any) *query.Object {
	o := query.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func BenchmarkVerify(b *testing.B) {
	p, err := requestparam.New(requestparam.Config{Params: map[string]plugins.Values{"k": plugins.OneOf("v")}}, plugins.Env{Native: true})
	if err != nil {
		b.Fatal(err)
	}
	r := plugintest.Request{Query: object("k", "v")}.Build()
	b.ReportAllocs()
	for b.Loop() {
		if res, err := p.Verify(b.Context(), r); err != nil || res.Verdict != plugins.Allow {
			b.Fatalf("Verify = %v, %v", res.Verdict, err)
		}
	}
}
