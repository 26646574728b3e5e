package parent_test

import (
	"testing"

	"github.com/easgate/easgate/internal/parent"
)

func BenchmarkParse(b *testing.B) {
	for _, p := range []parent.Profile{parent.Nginx, parent.Auto, parent.IngressNginx, parent.EAS} {
		for name, uri := range map[string]string{"plain": "/anything/foo/bar?test=foo", "escaped": "/api/v4/projects/group%2Fproject"} {
			b.Run(p.String()+"/"+name, func(b *testing.B) {
				in := describe(p, "https", "app.example.com", uri)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Parse(in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
