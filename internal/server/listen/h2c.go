package listen

import (
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// watchedKey is the context key of the connection that a request came over.
type watchedKey struct{}

// takeHTTP2 lets srv take HTTP/2 in clear from who starts with it; nothing is upgraded (RFC 9113 §3.1). Large requests
// share what large holds.
func takeHTTP2(srv *http.Server, large *semaphore.Weighted) {
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	srv.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          MaxStreams,
		MaxReceiveBufferPerConnection: 64 << 10,
		MaxReceiveBufferPerStream:     64 << 10,
		SendPingTimeout:               IdleLimit / 2,
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              NewLimit,
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			next.ServeHTTP(w, r)
			return
		}
		if c, ok := r.Context().Value(watchedKey{}).(*watched); ok {
			c.multiplexed.Store(true)
		}
		if n := bytesOf(r); n > SmallRequest {
			if !large.TryAcquire(n) {
				http.Error(w, "too many large requests at once", http.StatusServiceUnavailable)
				return
			}
			defer large.Release(n)
		}
		next.ServeHTTP(w, r)
	})
}

// bytesOf is how much a request's line and headers hold.
func bytesOf(r *http.Request) int64 {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return int64(n)
}
