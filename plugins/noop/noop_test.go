package noop_test

import (
	"os"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/noop"
	"github.com/easgate/easgate/plugins/plugintest"
)

func TestContract(t *testing.T) {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory:     plugins.Of(noop.New),
		Config:      config,
		AllowsEmpty: true,
		Allowed:     plugintest.Request{},
		BadConfigs: map[string]string{
			`{"status_code": 99}`:    "status_code: 99",
			`{"status_code": 101}`:   "status_code: 101",
			`{"status_code": "abc"}`: "status_code: want a number",
			`{"status_code": [200]}`: "status_code: want a number",
			`{"status_code": true}`:  "status_code: want a number",
			`{"status_code": "NaN"}`: "status_code: want a number",
		},
	})
}

func TestStatusCode(t *testing.T) {
	for _, tt := range []struct {
		in     string
		status int
	}{
		{`{}`, 200},
		{`{"status_code": 200}`, 200},
		{`{"status_code": 204}`, 204},
		{`{"status_code": 299}`, 299},
		{`{"status_code": "201"}`, 201},
		{`{"status_code": " 201 "}`, 201},
		{`{"status_code": 200.9}`, 200},
		{`{"status_code": ""}`, 200},
		{`{"status_code": null}`, 200},
		{`{"status_code": false}`, 200},
		{`{"status_code": 0}`, 200},
		{`{"status_code": 300}`, 300},
		{`{"status_code": 401}`, 401},
		{`{"status_code": 503}`, 503},
		{`{"status_code": 600}`, 600},
		{`{"status_code": 799}`, 799},
		{`{"status_code": 101}`, 101},
		// External-auth-server hangs on these, or breaks the connection.
		{`{"status_code": 99}`, 503},
		{`{"status_code": 100}`, 503},
		{`{"status_code": 103}`, 503},
		{`{"status_code": 199}`, 503},
		{`{"status_code": 199.9}`, 503},
		{`{"status_code": -1}`, 503},
		{`{"status_code": 1000}`, 503},
		{`{"status_code": 1e300}`, 503},
		{`{"status_code": "abc"}`, 503},
		{`{"status_code": "Infinity"}`, 503},
		{`{"status_code": true}`, 503},
		{`{"status_code": [200]}`, 503},
		{`{"status_code": {}}`, 503},
	} {
		t.Run(tt.in, func(t *testing.T) {
			env := plugintest.Env(t)
			p, err := plugintest.Build(plugins.Of(noop.New), []byte(tt.in), env)
			if err != nil {
				t.Fatalf("Build = %v", err)
			}
			res, err := p.Verify(t.Context(), plugintest.Request{}.Build())
			if err != nil {
				t.Fatal(err)
			}
			want := plugins.Deny
			if tt.status >= 200 && tt.status <= 299 {
				want = plugins.Allow
			}
			if res.Verdict != want || res.StatusCode() != tt.status {
				t.Errorf("Verify = %v %d, want %v %d", res.Verdict, res.StatusCode(), want, tt.status)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	p, err := noop.New(noop.Config{}, plugins.Env{})
	if err != nil {
		b.Fatal(err)
	}
	r := plugintest.Request{}.Build()
	b.ReportAllocs()
	for b.Loop() {
		if res, err := p.Verify(b.Context(), r); err != nil || res.Verdict != plugins.Allow {
			b.Fatalf("Verify = %v, %v", res.Verdict, err)
		}
	}
}
