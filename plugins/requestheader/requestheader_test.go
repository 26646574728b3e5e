package requestheader_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestheader"
)

func TestContract(t *testing.T) {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(requestheader.New),
		Config:  config,
		Allowed: plugintest.Request{Header: http.Header{"X-Api-Key": {"4f1c7b6a09"}}},
		Secrets: []string{"4f1c7b6a09", "9d02e35c71"},
		BadConfigs: map[string]string{
			`{}`:                                       "headers: required",
			`{"headers": {}}`:                          "headers: empty",
			`{"headers": {"X-A": 5}}`:                  "headers.X-A",
			`{"headers": {"X-A": ["k", 5]}}`:           "headers.X-A",
			`{"headers": {"X-A": []}}`:                 "headers.X-A",
			`{"headers": {"X-A": ""}}`:                 "headers.X-A: a value is empty",
			`{"headers": {"X-A": "\u65e5"}}`:           "headers.X-A: a value has characters",
			`{"headers": "X-A"}`:                       "headers: want",
			`{"headers": {"X-A": "k", "X-B": [null]}}`: "headers.X-B",
		},
	})
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		header       http.Header
		want         plugins.Verdict
	}{
		{"match", `{"X-Api-Key": "k1"}`, http.Header{"X-Api-Key": {"k1"}}, plugins.Allow},
		{"names in any case", `{"x-API-key": "k1"}`, http.Header{"X-Api-Key": {"k1"}}, plugins.Allow},
		{"values in their case", `{"X-Api-Key": "k1"}`, http.Header{"X-Api-Key": {"K1"}}, plugins.Deny},
		{"a prefix is no match", `{"X-Api-Key": "k1"}`, http.Header{"X-Api-Key": {"k"}}, plugins.Deny},
		{"a longer value is no match", `{"X-Api-Key": "k1"}`, http.Header{"X-Api-Key": {"k1 "}}, plugins.Deny},
		{"missing", `{"X-A": "1"}`, nil, plugins.Deny},
		{"second of a list", `{"X-A": ["1", "2"]}`, http.Header{"X-A": {"2"}}, plugins.Allow},
		{"second header", `{"X-A": "1", "X-B": "2"}`, http.Header{"X-B": {"2"}}, plugins.Allow},
		{"right value in the wrong header", `{"X-A": "1", "X-B": "2"}`, http.Header{"X-A": {"2"}, "X-B": {"1"}}, plugins.Deny},
		{"Host", `{"Host": "auth.internal"}`, http.Header{"Host": {"auth.internal"}}, plugins.Allow},
		{"another Host", `{"host": "auth.internal"}`, http.Header{"Host": {"auth"}}, plugins.Deny},
		{"no Host", `{"host": "auth.internal"}`, nil, plugins.Deny},
		{"no headers", `{}`, http.Header{"X-A": {"1"}}, plugins.Deny},
		{"a number is not its text", `{"X-A": 5}`, http.Header{"X-A": {"5"}}, plugins.Deny},
		{"a boolean is not its text", `{"X-A": true}`, http.Header{"X-A": {"true"}}, plugins.Deny},
		{"null does not mean missing", `{"X-A": null}`, nil, plugins.Deny},
		{"a number beside a text", `{"X-A": [5, "6"]}`, http.Header{"X-A": {"6"}}, plugins.Allow},
		{"empty value, empty header", `{"X-A": ""}`, http.Header{"X-A": {""}}, plugins.Allow},
		{"empty value, no header", `{"X-A": ""}`, nil, plugins.Deny},
		{"first User-Agent counts", `{"User-Agent": "one"}`, http.Header{"User-Agent": {"one", "two"}}, plugins.Allow},
		{"second User-Agent does not", `{"User-Agent": "two"}`, http.Header{"User-Agent": {"one", "two"}}, plugins.Deny},
		{"repeated fields are joined", `{"X-A": "1, 2"}`, http.Header{"X-A": {"1", "2"}}, plugins.Allow},
		{"a key among others is no match", `{"X-A": "1"}`, http.Header{"X-A": {"1", "2"}}, plugins.Deny},
		{"cookies are joined their own way", `{"Cookie": "a=1; b=2"}`, http.Header{"Cookie": {"a=1", "b=2"}}, plugins.Allow},
		{"cookie", `{"Cookie": "a=1; b=2"}`, http.Header{"Cookie": {"a=1; b=2"}}, plugins.Allow},
		{"UTF-8 is not Latin-1", `{"X-A": "é"}`, http.Header{"X-A": {"\xc3\xa9"}}, plugins.Deny},
		{"Latin-1", `{"X-A": "é"}`, http.Header{"X-A": {"\xe9"}}, plugins.Allow},
		{"not of Latin-1", `{"X-A": "日"}`, http.Header{"X-A": {"日"}}, plugins.Deny},
		{"a name of JavaScript's", `{"constructor": "x"}`, nil, plugins.Deny},
		{"bearer", `{"Authorization": ["Bearer abc"]}`, http.Header{"Authorization": {"Bearer abc"}}, plugins.Allow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _, err := plugins.Of(requestheader.New).Build([]byte(`{"headers": `+tt.config+`}`), plugintest.Env(t))
			if err != nil {
				t.Fatal(err)
			}
			res, err := p.Verify(t.Context(), plugintest.Request{Header: tt.header}.Build())
			if err != nil || res.Verdict != tt.want {
				t.Errorf("Verify(%v) = %v, %v, want %v", tt.header, res.Verdict, err, tt.want)
			}
			if tt.want == plugins.Deny && res.StatusCode() != http.StatusForbidden {
				t.Errorf("status = %d, want 403", res.StatusCode())
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	p, err := requestheader.New(requestheader.Config{Headers: map[string]plugins.Values{
		"X-Api-Key": plugins.OneOf(strings.Repeat("k", 32), strings.Repeat("l", 32)),
	}}, plugins.Env{Native: true})
	if err != nil {
		b.Fatal(err)
	}
	r := plugintest.Request{Header: http.Header{"X-Api-Key": {strings.Repeat("l", 32)}}}.Build()
	b.ReportAllocs()
	for b.Loop() {
		if res, err := p.Verify(b.Context(), r); err != nil || res.Verdict != plugins.Allow {
			b.Fatalf("Verify = %v, %v", res.Verdict, err)
		}
	}
}
