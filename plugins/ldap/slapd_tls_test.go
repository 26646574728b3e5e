//go:build linux && integration

package ldap

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/easgate/easgate/internal/testserver"
	"github.com/easgate/easgate/plugins"
)

func secured(d *testserver.Directory, how string) func(*Config) {
	return func(c *Config) {
		c.Connection.StartTLS = how == "StartTLS"
		if !c.Connection.StartTLS {
			c.Connection.URL = plugins.List{d.TLSURL}
		}
		c.Connection.TLSOptions.CA = plugins.List{d.CA}
	}
}

func testTLS(t *testing.T, d *testserver.Directory) {
	no := false
	for _, how := range []string{"ldaps", "StartTLS"} {
		for _, tt := range []struct {
			name   string
			change func(*TLSOptions)
			want   bool
		}{
			{"its authority", func(*TLSOptions) {}, true},
			{"the system's authorities", func(o *TLSOptions) { o.CA = nil }, false},
			{"another authority", func(o *TLSOptions) { o.CA = plugins.List{otherCA(t)} }, false},
			{"its authority among others", func(o *TLSOptions) { o.CA = plugins.List{otherCA(t), o.CA[0]} }, true},
			{"another name", func(o *TLSOptions) { o.ServerName = "other.test" }, false},
			{"its other name", func(o *TLSOptions) { o.ServerName = "ldap.test" }, true},
			{"its public key", func(o *TLSOptions) { o.CA, o.Fingerprint = nil, plugins.List{d.Fingerprint} }, true},
			{"another public key", func(o *TLSOptions) { o.CA, o.Fingerprint = nil, plugins.List{strings.Repeat("ab", 32)} }, false},
			{"anybody", func(o *TLSOptions) { o.CA, o.RejectUnauthorized = nil, &no }, true},
		} {
			p := build(t, at(d, func(c *Config) {
				secured(d, how)(c)
				tt.change(&c.Connection.TLSOptions)
			}))
			res, err := p.Verify(t.Context(), basic("bob", "builder").Build())
			if got := res.Verdict == plugins.Allow && err == nil; got != tt.want || !tt.want && err == nil {
				t.Errorf("%s, %s: Verify = %v, %v, want allowed = %v", how, tt.name, res.Verdict, err, tt.want)
			}
		}
	}
}

// With StartTLS nothing is sent in clear but the request for it, whoever answers (RFC 4511 §4.14).
func testNothingInClear(t *testing.T, d *testserver.Directory) {
	for name, trusted := range map[string]bool{"trusted": true, "not trusted": false} {
		wire := sniff(t, d.URL)
		p := build(t, at(d, func(c *Config) {
			secured(d, "StartTLS")(c)
			c.Connection.URL = plugins.List{wire.url}
			if !trusted {
				c.Connection.TLSOptions.CA = plugins.List{otherCA(t)}
			}
		}))
		for _, password := range []string{"builder", "guess"} {
			res, err := p.Verify(t.Context(), basic("bob", password).Build())
			if (res.Verdict == plugins.Allow) != (trusted && password == "builder") || (err == nil) != trusted {
				t.Errorf("%s: Verify(%s) = %v, %v", name, password, res.Verdict, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		sent := wire.sent()
		if len(sent) == 0 {
			t.Errorf("%s: nothing was sent", name)
		}
		for _, b := range sent {
			r := bytes.NewReader(b)
			first, err := ber.ReadPacket(r)
			if err != nil || len(first.Children) != 2 || !bytes.Contains(first.Bytes(), []byte("1.3.6.1.4.1.1466.20037")) {
				t.Errorf("%s: the first message is no StartTLS: %v", name, err)
			}
			for r.Len() > 0 { // TLS records (RFC 8446 §5.1)
				var head [5]byte
				if _, err := io.ReadFull(r, head[:]); err != nil || head[0] < 20 || head[0] > 23 || head[1] != 3 {
					t.Fatalf("%s: % x is sent in clear", name, head)
				}
				if _, err := io.CopyN(io.Discard, r, int64(head[3])<<8|int64(head[4])); err != nil {
					t.Errorf("%s: the last record is cut off: %v", name, err)
				}
			}
		}
	}
}

// otherCA is an authority that has nothing to do with the directory's.
func otherCA(t *testing.T) string {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// A wiretap passes connections on and keeps what clients send.
type wiretap struct {
	url string
	mu  sync.Mutex
	all []*bytes.Buffer
	wg  sync.WaitGroup
}

func sniff(t *testing.T, target string) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{url: "ldap://" + l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(target, "ldap://"))
			if err != nil {
				t.Error(err)
				return
			}
			sent := &bytes.Buffer{}
			w.mu.Lock()
			w.all = append(w.all, sent)
			w.mu.Unlock()
			w.wg.Go(func() {
				if _, err := io.Copy(io.MultiWriter(server, sent), client); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Logf("wiretap: %v", err)
				}
				_ = server.Close()
			})
			w.wg.Go(func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return w
}

// sent is what was sent on each connection; all of them must be closed.
func (w *wiretap) sent() (sent [][]byte) {
	w.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.all {
		sent = append(sent, b.Bytes())
	}
	return sent
}
