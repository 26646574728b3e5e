package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/noop"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestheader"
)

// misbehaved is a plugin that does what a plugin must not do.
type misbehaved struct {
	Do string `json:"do"`
}

func (m misbehaved) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	switch m.Do {
	case "panic":
		panic("secret")
	case "error":
		return plugins.Result{Verdict: plugins.Allow}, errors.New("down")
	case "allow 302":
		return plugins.Result{Verdict: plugins.Allow, Status: 302}, nil
	case "deny 200":
		return plugins.Result{Verdict: plugins.Deny, Status: 200}, nil
	case "status 1000":
		return plugins.Result{Status: 1000}, nil
	}
	return plugins.Result{}, nil
}

func compiler(t testing.TB) *Compiler {
	return &Compiler{
		Env: plugintest.Env(t),
		Plugins: plugins.Registry{
			"noop":           plugins.Of(noop.New),
			"request_header": plugins.Of(requestheader.New),
			"misbehaved":     plugins.Of(func(m misbehaved, _ plugins.Env) (plugins.Plugin, error) { return m, nil }),
		},
	}
}

func mustCompile(t testing.TB, format configtoken.Format, claims string) *Pipeline {
	t.Helper()
	p, _, err := compiler(t).Compile(&configtoken.Token{Format: format, Claims: json.RawMessage(claims)})
	if err != nil {
		t.Fatalf("Compile(%s): %v", claims, err)
	}
	return p
}

func TestDecide(t *testing.T) {
	const (
		n401  = `{"type":"noop","status_code":401}`
		n402  = `{"type":"noop","status_code":402}`
		n403  = `{"type":"noop","status_code":403}`
		n200  = `{"type":"noop"}`
		n204  = `{"type":"noop","status_code":204}`
		nope  = `{"type":"nope"}`
		fails = `{"type":"misbehaved","do":"error"}`

		failsStop   = `{"type":"misbehaved","do":"error","pcb":{"stop":[]}}`
		panicsStop  = `{"type":"misbehaved","do":"panic","pcb":{"stop":[]}}`
		badSkipStop = `{"type":"noop","status_code":403,"pcb":{"stop":[],"skip":[{"query_engine":"zz","query":"x","rule":{"method":"eq","value":1}}]}}`

		badSkip = `{"type":"noop","pcb":{"skip":[{"query_engine":"zz","query":"x","rule":{"method":"eq","value":1}}]}}`
		badStop = `{"type":"noop","status_code":401,"pcb":{"stop":[{"query_engine":"zz","query":"x","rule":{"method":"eq","value":1}}]}}`
	)
	tests := []struct {
		name     string
		format   configtoken.Format
		steps    []string
		fallback int
		want     int
		step     int
	}{
		{"first allow wins", configtoken.Native, []string{n401, n204, n200}, -1, 204, 1},
		{"last answer", configtoken.Native, []string{n401, n402, n403}, -1, 403, 2},
		{"fallback", configtoken.Native, []string{n401, n402, n403}, 0, 401, 0},
		{"fallback out of range", configtoken.Native, []string{n401, n402}, 7, 402, 1},
		{"fallback when one allows", configtoken.Native, []string{n401, n200}, 0, 200, 1},
		{"an error denies", configtoken.Native, []string{fails}, -1, 503, 0},
		{"an error does not end it", configtoken.Native, []string{fails, n200}, -1, 200, 1},
		{"native: an error is an answer", configtoken.Native, []string{n401, fails}, -1, 503, 1},
		{"eas: an error last leaves the previous answer", configtoken.EAS, []string{n401, fails}, -1, 401, 0},
		{"eas: the fallback failed", configtoken.EAS, []string{n401, n402, fails}, 2, 402, 1},
		{"eas: only errors", configtoken.EAS, []string{fails}, -1, 503, 0},
		{"eas: unknown type last", configtoken.EAS, []string{n401, nope}, -1, 503, -1},
		{"eas: unknown type first", configtoken.EAS, []string{nope, n401}, -1, 401, 1},
		{"eas: skip rules that do not compile fail the step", configtoken.EAS, []string{n401, badSkip}, -1, 401, 0},
		{"eas: stop rules that do not compile stop", configtoken.EAS, []string{badStop, n200}, -1, 503, 0},
		{"eas: an allow comes before stop rules", configtoken.EAS, []string{`{"type":"noop","pcb":{"stop":"zz"}}`}, -1, 200, 0},
		{"eas: no steps", configtoken.EAS, nil, -1, 503, -1},
		{"eas: null and text entries", configtoken.EAS, []string{"null", `"noop"`}, -1, 503, -1},
		{"an error where a stop rule could have stopped", configtoken.Native, []string{failsStop, n200}, -1, 503, 0},
		{"eas: an error where a stop rule could have stopped", configtoken.EAS, []string{failsStop, n200}, -1, 503, 0},
		{"a panic where a stop rule could have stopped", configtoken.Native, []string{n401, panicsStop, n200}, 0, 503, 1},
		{"eas: a skip rule that fails in front of a stop rule", configtoken.EAS, []string{badSkipStop, n200}, -1, 503, 0},
		{"eas: an error last, with a stop rule", configtoken.EAS, []string{n401, failsStop}, -1, 401, 0},
		{"panic", configtoken.Native, []string{`{"type":"misbehaved","do":"panic"}`}, -1, 503, 0},
		{"allow with a 302", configtoken.Native, []string{`{"type":"misbehaved","do":"allow 302"}`}, -1, 503, 0},
		{"deny with a 200", configtoken.Native, []string{`{"type":"misbehaved","do":"deny 200"}`}, -1, 503, 0},
		{"a status nobody can send", configtoken.Native, []string{`{"type":"misbehaved","do":"status 1000"}`}, -1, 503, 0},
		{"zero result", configtoken.Native, []string{`{"type":"misbehaved"}`}, -1, 403, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustCompile(t, tt.format, `{"eas":{"plugins":[`+strings.Join(tt.steps, ",")+`]}}`)
			d := p.Decide(t.Context(), plugintest.Request{}.Build(), Options{Fallback: tt.fallback})
			if got := d.Result.StatusCode(); got != tt.want || d.Step != tt.step {
				t.Errorf("Decide = status %d by step %d, want %d by step %d (error: %v)", got, d.Step, tt.want, tt.step, d.Err)
			}
			if allow := d.Result.Verdict == plugins.Allow; allow != (tt.want < 300) {
				t.Errorf("verdict = %v with status %d", d.Result.Verdict, tt.want)
			}
			if d.Err != nil && strings.Contains(d.Err.Error(), "secret") {
				t.Errorf("error %q shows a panic's value", d.Err)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	const token = `{"eas":{
		"custom_service_headers":{"X-Level":{"source":"static","query":"token"},"X-Both":{"source":"static","query":"token"}},
		"custom_error_headers":{"X-Error":{"source":"static","query":"token"}},
		"plugins":[
			{"type":"request_header","headers":{"X-Key":"k"},
			 "custom_service_headers":{"X-User":{"source":"userinfo"},"X-Both":{"source":"static","query":"first"}}},
			{"type":"noop","status_code":%s,
			 "custom_service_headers":{"x-both":{"source":"static","query":"second"}},
			 "custom_error_headers":{"X-Error":{"source":"static","query":"second"}}}]}}`
	tests := []struct {
		name   string
		status string
		header http.Header
		omit   bool
		want   map[string]string
		absent []string
	}{
		{name: "the deciding step overrides the token", status: "200", want: map[string]string{"X-Level": "token", "X-Both": "second"}, absent: []string{"X-Error"}},
		// A header that only another step sends must still be sent, or the client's own would reach the upstream (ATTACKS 55).
		{name: "other steps' headers are empty", status: "200", want: map[string]string{"X-User": ""}},
		{name: "eas leaves them out", status: "200", omit: true, absent: []string{"X-User"}},
		{name: "source without a value", status: "403", header: http.Header{"X-Key": {"k"}}, want: map[string]string{"X-User": "", "X-Both": "first"}},
		{name: "error headers", status: "403", want: map[string]string{"X-Error": "second"}, absent: []string{"X-Level", "X-Both", "X-User"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustCompile(t, configtoken.Native, strings.Replace(token, "%s", tt.status, 1))
			d := p.Decide(t.Context(), plugintest.Request{Header: tt.header}.Build(), Options{Fallback: -1, OmitFailed: tt.omit})
			for name, want := range tt.want {
				if got, ok := d.Result.Header[name]; !ok || got[0] != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			for _, name := range tt.absent {
				if got, ok := d.Result.Header[name]; ok {
					t.Errorf("%s = %q, want none", name, got)
				}
			}
		})
	}
}

// naming sets headers of its own, one or none of the two that it names.
type naming struct {
	Set string `json:"set"`
}

func (naming) ServiceHeaders() []string { return []string{"x-id-token", "X-Userinfo"} }

func (n naming) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	if n.Set == "" {
		return plugins.Result{}, nil
	}
	return plugins.Result{Verdict: plugins.Allow, Header: http.Header{n.Set: {"real"}}}, nil
}

// ATTACKS 55: a header that a plugin may set is sent empty by an allow that does not set it, whoever allows.
func TestServiceHeaders(t *testing.T) {
	tests := []struct {
		name, steps string
		omit        bool
		want        http.Header
	}{
		{"the plugin allows", `{"type":"naming","set":"X-Id-Token"}`, false, http.Header{"X-Id-Token": {"real"}, "X-Userinfo": {""}}},
		{"another step allows", `{"type":"naming"},{"type":"noop"}`, false, http.Header{"X-Id-Token": {""}, "X-Userinfo": {""}}},
		{"its rules are broken", `{"type":"naming","pcb":{"skip":5}},{"type":"noop"}`, false, http.Header{"X-Id-Token": {""}, "X-Userinfo": {""}}},
		{"eas leaves them out", `{"type":"naming"},{"type":"noop"}`, true, http.Header{}},
		{"a denial", `{"type":"naming"}`, false, http.Header{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compiler(t)
			c.Plugins["naming"] = plugins.Of(func(n naming, _ plugins.Env) (plugins.Plugin, error) { return n, nil })
			p, _, err := c.Compile(&configtoken.Token{Format: configtoken.EAS, Claims: json.RawMessage(`{"eas":{"plugins":[` + tt.steps + `]}}`)})
			if err != nil {
				t.Fatal(err)
			}
			got := p.Decide(t.Context(), plugintest.Request{}.Build(), Options{Fallback: -1, OmitFailed: tt.omit}).Result.Header
			if !maps.EqualFunc(got, tt.want, slices.Equal) {
				t.Errorf("Decide: headers %v, want %v", got, tt.want)
			}
		})
	}
}

// EAS hangs on what no header can carry. Under its profile that denies: a header left out lets the client's own through.
func TestUnsendableHeaders(t *testing.T) {
	tests := []struct {
		name, header string
		omit         bool
		want         int
	}{
		{"beyond Latin-1", `"X-User":{"source":"static","query":"日"}`, true, 503},
		{"newline", `"X-User":{"source":"static","query":"a\nb"}`, true, 503},
		{"header of the connection", `"Content-Length":{"source":"static","query":"5"}`, true, 503},
		{"no value at all", `"X-User":{"source":"userinfo","query_engine":"jp","query":"$.x"}`, true, 200},
		{"sent empty elsewhere", `"X-User":{"source":"static","query":"日"}`, false, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustCompile(t, configtoken.EAS, `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{`+tt.header+`}}}`)
			d := p.Decide(t.Context(), plugintest.Request{}.Build(), Options{Fallback: -1, OmitFailed: tt.omit})
			if got := d.Result.StatusCode(); got != tt.want {
				t.Errorf("Decide() = %d (%v), want %d", got, d.Err, tt.want)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	tests := []struct{ name, claims, want string }{
		{"no eas", `{}`, "eas.plugins: required"},
		{"no plugins", `{"eas":{}}`, "eas.plugins: required"},
		{"empty", `{"eas":{"plugins":[]}}`, "eas.plugins: want a list of plugins"},
		{"object", `{"eas":{"plugins":{}}}`, "eas.plugins: want a list of plugins"},
		{"unknown field", `{"eas":{"plugins":[{"type":"noop"}],"pluggins":1}}`, "eas.pluggins: unknown option"},
		// ATTACKS 82: a name in another case is another name, and must not go unnoticed.
		{"Exp", `{"Exp":1,"eas":{"plugins":[{"type":"noop"}]}}`, "Exp: unknown option"},
		{"EAS", `{"EAS":{"plugins":[{"type":"noop"}]}}`, "EAS: unknown option"},
		{"EAS, and nothing under its right name", `{"EAS":{"plugins":[{"type":"noop"}]}}`, "eas.plugins: required"},
		{"Skip", `{"eas":{"plugins":[{"type":"noop","pcb":{"Skip":[]}}]}}`, "plugins[0].pcb.Skip: unknown option"},
		{"option of a plugin", `{"eas":{"plugins":[{"type":"noop","Status_Code":401}]}}`, "plugins[0]: noop: Status_Code: unknown option"},
		{"all of them at once", `{"Exp":1,"eas":{"plugins":[{"type":"nope"},{"type":"noop","x":1}]}}`, "nope\": unknown plugin type\nconfig token: plugins[1]: noop: x"},
		{"unknown type", `{"eas":{"plugins":[{"type":"noop"},{"type":"nope"}]}}`, `plugins[1].type: "nope": unknown plugin type`},
		{"unknown plugin field", `{"eas":{"plugins":[{"type":"noop","statuscode":1}]}}`, "plugins[0]: noop: statuscode: unknown option"},
		{"unknown pcb field", `{"eas":{"plugins":[{"type":"noop","pcb":{"skp":[]}}]}}`, "plugins[0].pcb.skp: unknown option"},
		{"missing plugin field", `{"eas":{"plugins":[{"type":"request_header"}]}}`, "plugins[0]: request_header: headers: required"},
		{"header source", `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X-A":{"source":"nope"}}}}`, `custom_service_headers.X-A.source: unknown source "nope"`},
		{"header name", `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X A":{"source":"static"}}}}`, `custom_service_headers.X A: not a header name`},
		{"header of the connection", `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"content-length":{"source":"static"}}}}`, `belongs to the connection`},
		{"header engine", `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{"X-A":{"source":"req","query_engine":"zz","query":"$"}}}}`, `X-A.query_engine: unknown query engine`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := compiler(t).Check(json.RawMessage(tt.claims))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, bench := range []struct{ name, plugin string }{
		{"noop", `{"type":"noop"}`},
		{"request_header", `{"type":"request_header","headers":{"X-Api-Key":"k1"}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p := mustCompile(b, configtoken.Native, `{"eas":{"plugins":[`+bench.plugin+`]}}`)
			r := plugintest.Request{Header: http.Header{"X-Api-Key": {"k1"}}}.Build()
			b.ReportAllocs()
			for b.Loop() {
				if d := p.Decide(b.Context(), r, Options{Fallback: -1}); d.Result.Verdict != plugins.Allow {
					b.Fatal(d)
				}
			}
		})
	}
}

// completed is a plugin whose entry external-auth-server completes.
type completed struct{}

func (*completed) Complete(entry *query.Object) { plugins.ObjectIn(entry, "assertions") }

func (completed) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	return plugins.Result{Verdict: plugins.Allow}, nil
}

// Queries of a token in external-auth-server's format see the defaults that it adds; those of a native token see what was written.
func TestCompleted(t *testing.T) {
	const claims = `{"aud":"x","eas":{"plugins":[{"type":"completed"}],"custom_service_headers":{"X-P":{"source":"plugin_config"},"X-T":{"source":"config_token","query_engine":"jp","query":"$.eas.plugins[*].assertions"}}}}`
	for format, want := range map[configtoken.Format][2]string{
		configtoken.EAS:    {`{"type":"completed","pcb":{},"assertions":{}}`, `[{}]`},
		configtoken.Native: {`{"type":"completed","pcb":{}}`, `[]`},
	} {
		c := compiler(t)
		c.Env.Query["jp"] = jsonpath.New(nil)
		c.Plugins["completed"] = plugins.Of(func(p completed, _ plugins.Env) (plugins.Plugin, error) { return p, nil })
		p, _, err := c.Compile(&configtoken.Token{Format: format, Claims: json.RawMessage(claims)})
		if err != nil {
			t.Fatal(err)
		}
		h := p.Decide(t.Context(), plugintest.Request{}.Build(), Options{Fallback: -1}).Result.Header
		if h.Get("X-P") != want[0] || h.Get("X-T") != want[1] {
			t.Errorf("%v: %s and %s, want %v", format, h.Get("X-P"), h.Get("X-T"), want)
		}
	}
}
