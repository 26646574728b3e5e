package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/easgate/easgate/internal/gateway"
)

// A script is an upstream that answers request n over a connection with texts[n], and closes it after the last one. A text
// that ends in "…" is sent without waiting for the next request.
type script struct {
	addr  string
	conns atomic.Int64
	lines chan string // the request lines and headers
}

func newScript(t *testing.T, texts ...string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &script{addr: "http://" + l.Addr().String(), lines: make(chan string, 99)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			go func() {
				defer c.Close()
				r := textproto.NewReader(bufio.NewReader(c))
				for _, text := range texts {
					line, err := r.ReadLine()
					if err != nil {
						return
					}
					h, err := r.ReadMIMEHeader()
					if err != nil {
						return
					}
					s.lines <- fmt.Sprint(line, " ", h)
					_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
				}
			}()
		}
	}()
	return s
}

const fine = "HTTP/1.1 200 OK\nContent-Length: 4\n\nfine"

func fetch(t *testing.T, s *httptest.Server, method string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		texts  []string
		want   []string
		conns  int64
	}{
		{"lengths", "GET", []string{fine, fine, fine}, []string{"200 fine", "200 fine", "200 fine"}, 1},
		{"chunks", "GET", []string{"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nfine\n0\n\n", fine}, []string{"200 fine", "200 fine"}, 1},
		{"no body", "GET", []string{"HTTP/1.1 204 No Content\n\n", "HTTP/1.1 304 Not Modified\n\n", fine}, []string{"204 ", "304 ", "200 fine"}, 1},
		{"HEAD", "HEAD", []string{"HTTP/1.1 200 OK\nContent-Length: 4\n\n", "HTTP/1.1 200 OK\nContent-Length: 4\n\n"}, []string{"200 ", "200 "}, 1},
		{"informational answers", "GET", []string{"HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 103 Early Hints\n\n" + fine, fine}, []string{"200 fine", "200 fine"}, 1},
		{"the upstream says that it closes", "GET", []string{"HTTP/1.1 200 OK\nConnection: close\nContent-Length: 4\n\nfine"}, []string{"200 fine", "200 fine"}, 2},
		{"the end is the end of the connection", "GET", []string{"HTTP/1.1 200 OK\n\nfine"}, []string{"200 fine", "200 fine"}, 2},
		{"HTTP/1.0", "GET", []string{"HTTP/1.0 200 OK\nContent-Length: 4\n\nfine"}, []string{"200 fine", "200 fine"}, 2},
		// A GET goes over another connection when the idle one was closed.
		{"closed while idle", "GET", []string{fine}, []string{"200 fine", "200 fine", "200 fine"}, 3},
		// What nobody asked for is nobody's answer.
		{"two answers to one request", "GET", []string{fine + "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil", fine}, []string{"200 fine", "200 fine"}, 2},
		{"cut off", "GET", []string{"HTTP/1.1 200 OK\nContent-Length: 9\n\nfine"}, []string{"0 : "}, 1},
		{"an endless header", "GET", []string{"HTTP/1.1 200 OK\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\n", 300) + "\n"}, []string{"502 decision d-1"}, 1},
		{"another protocol, unasked", "GET", []string{"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: upgrade\n\n"}, []string{"502 decision d-1"}, 1},
		{"two lengths", "GET", []string{"HTTP/1.1 200 OK\nContent-Length: 4\nContent-Length: 5\n\nfine!"}, []string{"502 decision d-1"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newScript(t, tt.texts...)
			s := front(t, up.addr, gateway.Passage{}, nil)
			for _, want := range tt.want {
				status, text, err := fetch(t, s, tt.method)
				got := fmt.Sprint(status, " ", text)
				if err != nil {
					got += ": " + err.Error()
				}
				if !strings.HasPrefix(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			}
			if n := up.conns.Load(); n != tt.conns {
				t.Errorf("%d connections, want %d", n, tt.conns)
			}
		})
	}
}

// What is sent is a proper request, with no header that nobody sent.
func TestRequestLine(t *testing.T) {
	up := newScript(t, fine)
	s := front(t, up.addr, gateway.Passage{Header: http.Header{"X-Name": {"a\r\nX-Evil: b"}}}, nil)
	raw(t, s, "GET /a%2Fb?c HTTP/1.1\nHost: app.example.com\nContent-Length: 0\n\n")
	want := "GET /a%2Fb?c HTTP/1.1 map[Host:[app.example.com] X-Forwarded-Host:[app.example.com] X-Forwarded-Proto:[https] X-Name:[a  X-Evil: b]]"
	if got := <-up.lines; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
