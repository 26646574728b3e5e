package server

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// discard is the smallest ResponseWriter, so that the benchmark is about the server's own work.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b, func(c *Config) { c.Verify.Log = slog.New(slog.DiscardHandler) })
	for _, bench := range []struct{ name, token string }{
		{"noop", verifytest.NoopToken("200")},
		{"header", `{"eas":{"plugins":[{"type":"request_header","headers":{"X-Key":"k"}}],"custom_service_headers":{"X-A":{"source":"static","query":"a"}}}}`},
		{"pointer", `{"eas":{"config_token_store_id":"main","config_token_id":"open"}}`},
		{"jsonpath", `{"eas":{"plugins":[{"type":"noop","pcb":{"skip":[{"query_engine":"jp","query":"$.req.headers.host","rule":{"method":"eq","value":"elsewhere.example.com"}}]}}],
			"custom_service_headers":{"X-Path":{"source":"parentRequestInfo","query_engine":"jp","query":"$.parsedUri.path","query_opts":{"single_value":true}}}}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := verifytest.Request("GET", bench.token, "&proxy=traefik")
			r.Header.Set("X-Key", "k")
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				f.Handler().ServeHTTP(w, r)
			}
			if w.header.Get("X-Eas-Decision-Id") == "" {
				b.Fatal("nothing was decided")
			}
		})
	}
}
