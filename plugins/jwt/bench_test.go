package jwt_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jose.SignatureAlgorithm{jose.HS256, jose.RS256, jose.ES256} {
		k := newKey(b, alg, "k1")
		url := "https://login.example.com/jwks.json"
		env := plugintest.Env(b)
		config := fmt.Sprintf(`{"config":{"secret":%q,"options":{"issuer":"https://iss","audience":"app1"}}}`, url)
		if alg == jose.HS256 {
			config = fmt.Sprintf(`{"config":{"secret":{"text":%q},"options":{"issuer":"https://iss","audience":"app1"}}}`, k.jwk.Key)
		} else {
			env.HTTP = client(map[string]string{url: k.set()})
		}
		p := build(b, config, env)
		// More than are remembered: each one is new again when its turn comes.
		requests := sync.OnceValue(func() []*plugins.Request {
			rs := make([]*plugins.Request, 2000)
			for i := range rs {
				rs[i] = request(k.sign(b, map[string]any{
					"sub": fmt.Sprint("user", i), "iss": "https://iss", "aud": "app1", "jti": fmt.Sprint(i), "email": "alice@example.com",
					"groups": []string{"dev", "ops"}, "iat": plugintest.Now.Unix(), "exp": plugintest.Now.Unix() + 3600,
				}))
			}
			return rs
		})
		for name, n := range map[string]int{"repeated": 1, "fresh": 2000} {
			b.Run(string(alg)+"/"+name, func(b *testing.B) {
				rs := requests()[:n]
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					res, err := p.Verify(b.Context(), rs[i%n])
					if err != nil || res.Verdict != plugins.Allow {
						b.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
					}
					i++
				}
			})
		}
	}
	k := newKey(b, jose.HS256, "")
	p := build(b, fmt.Sprintf(`{"config":{"secret":{"text":%q}}}`, k.jwk.Key), plugintest.Env(b))
	b.Run("no token", func(b *testing.B) {
		r := plugintest.Request{Header: http.Header{}}.Build()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.Verify(b.Context(), r)
		}
	})
}
