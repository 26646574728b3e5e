//go:build integration

package sandbox

import (
	"context"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// request is what queries typically see: some 600 bytes.
const request = `{"req":{"headers":{"host":"auth.internal","x-forwarded-proto":"https","x-forwarded-host":"app.example.com",` +
	`"x-forwarded-uri":"/api/v4/projects?page=2","x-forwarded-method":"GET","user-agent":"Mozilla/5.0 (X11; Linux x86_64)",` +
	`"accept":"application/json","cookie":"session=0123456789abcdef"},"cookies":{"session":"0123456789abcdef"},"query":{}},` +
	`"parentReqInfo":{"uri":"https://app.example.com/api/v4/projects?page=2","parsedUri":{"scheme":"https","host":"app.example.com",` +
	`"path":"/api/v4/projects","query":"page=2"},"parsedQuery":{"page":"2"},"method":"GET"}}`

func BenchmarkEval(b *testing.B) {
	s := unhurried(b)
	data, err := query.ParseJSON([]byte(request))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		engine query.Engine
		expr   string
	}{
		{"jp", s.JSONPath(), `$.req.headers['user-agent']`},
		{"jp_filter", s.JSONPath(), `$.parentReqInfo[?(@.host == "app.example.com")].path`},
		{"jsonata", s.JSONata(), `parentReqInfo.parsedUri.path`},
		{"jsonata_contains", s.JSONata(), `$contains(parentReqInfo.parsedUri.path, "/api/")`},
		{"handlebars", s.Handlebars(), `{{parentReqInfo.method}} {{parentReqInfo.parsedUri.path}}`},
		{"js", s.JS(), `return data.parentReqInfo.parsedUri.path.startsWith("/api/")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			q, err := c.engine.Compile(c.expr)
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Eval(ctx, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
func BenchmarkStart(b *testing.B) {
	for _, k := range []kind{jsonpath, jsonata, handlebars, script, pattern} {
		b.Run(k.String(), func(b *testing.B) {
			c, err := k.compile()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				r, err := newMachine(k, c, New(Options{}).pools[k].options)
				if err != nil {
					b.Fatal(err)
				}
				r.close()
			}
		})
	}
}
