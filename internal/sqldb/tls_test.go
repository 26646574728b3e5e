package sqldb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Whatever a PostgreSQL server answers to the question for TLS, nothing but the question is sent in clear, and nothing
// that came in clear behind the answer is read as the server's.
func TestPostgresSendsNothingInClear(t *testing.T) {
	for name, tt := range map[string]struct{ answer, want string }{
		"no TLS":              {"N", "the server has no TLS"},
		"an error":            {"E", "the server has no TLS"},
		"words behind its S":  {"SR\x00\x00\x00\x08\x00\x00\x00\x00", "tls: "},
		"S and then silence":  {"S", "EOF"},
		"nothing":             {"", "EOF"},
		"anything before it ": {"RS", "the server has no TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			got := make(chan []byte, 1)
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				question := make([]byte, len(sslRequest))
				_, _ = io.ReadFull(c, question)
				_, _ = c.Write([]byte(tt.answer))
				_ = c.(*net.TCPConn).CloseWrite()
				rest, _ := io.ReadAll(c)
				got <- append(question, rest...)
			}()
			host, port, _ := net.SplitHostPort(l.Addr().String())
			db, err := Open(decode(t, fmt.Sprintf(`{"client":"pg","connection":{"host":%q,"port":%s,"user":"u","password":"s3cret","database":"d","ssl":true}}`, host, port)))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := db.Ready(ctx); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Ready = %v, want %q", err, tt.want)
			}
			sent := <-got
			rest, ok := bytes.CutPrefix(sent, sslRequest)
			// A TLS record of the type handshake (RFC 8446 §5.1).
			if !ok || len(rest) > 0 && rest[0] != 22 || bytes.Contains(sent, []byte("user")) {
				t.Errorf("sent in clear: %q", sent)
			}
		})
	}
}
