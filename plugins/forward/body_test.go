package forward_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/plugintest"
)

func TestBody(t *testing.T) {
	for _, tt := range []struct {
		name, encoding string
		body           []byte
		want           string
		fails          bool
	}{
		{"plain", "", []byte("hello"), "hello", false},
		{"exactly as long as allowed", "", []byte(strings.Repeat("x", 1000)), strings.Repeat("x", 1000), false},
		{"longer than allowed", "", []byte(strings.Repeat("x", 1001)), "", true},
		{"gzip", "gzip", compress(t, "gzip", "hello"), "hello", false},
		{"deflate", "deflate", compress(t, "zlib", "hello"), "hello", false},
		{"deflate without zlib", "deflate", compress(t, "flate", "hello"), "hello", false},
		{"a bomb", "gzip", compress(t, "gzip", strings.Repeat("x", 100_000)), "", true},
		{"not gzip at all", "gzip", []byte("not gzip at all"), "", true},
		{"cut off", "gzip", compress(t, "gzip", "hello")[:20], "", true},
		{"an encoding of the client's", "br", []byte("\x0b\x02\x80hello\x03"), "\x0b\x02\x80hello\x03", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.encoding != "" {
					w.Header().Set("Content-Encoding", tt.encoding)
				}
				_, _ = w.Write(tt.body)
			})
			p := build(t, forward.Config{URL: plugins.Secret(s.URL), MaxBody: 1000})
			res, err := p.Verify(t.Context(), plugintest.Request{}.Build())
			if tt.fails {
				if err == nil || res.Verdict == plugins.Allow {
					t.Errorf("Verify = %v, %v, want an error", res.Verdict, err)
				}
				return
			}
			if err != nil || string(res.Body) != tt.want {
				t.Errorf("Verify = %q, %v, want %q", res.Body, err, tt.want)
			}
			if got, want := res.Header.Get("Content-Encoding") != "", tt.encoding == "br"; got != want {
				t.Errorf("Content-Encoding = %v, want there = %v", res.Header, want)
			}
			for _, name := range []string{"Content-Length", "Connection", "Date"} {
				if _, ok := res.Header[name]; ok {
					t.Errorf("%s is passed on", name)
				}
			}
		})
	}
}

// What unpacks to more than is allowed is not unpacked to the end.
func TestBombIsNotUnpacked(t *testing.T) {
	const unpacked = 64 << 20
	bomb := compress(t, "gzip", strings.Repeat("x", unpacked))
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	p := build(t, forward.Config{URL: plugins.Secret(s.URL)})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Verify(t.Context(), plugintest.Request{}.Build())
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > unpacked/4 {
		t.Errorf("Verify = %v after %d bytes, want an error within %d", err, used, unpacked/4)
	}
}

func compress(t *testing.T, format, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch format {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	default:
		var err error
		if w, err = flate.NewWriter(&b, flate.BestSpeed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
