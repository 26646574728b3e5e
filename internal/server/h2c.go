package server

import (
	"net/http"
	"time"
)

// takeHTTP2 lets srv take HTTP/2 in clear from who starts with it; nothing is upgraded (RFC 9113 §3.1). A connection has
// [maxStreams] streams; large requests on them share what large gRPC calls share.
func (s *Server) takeHTTP2(srv *http.Server) {
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	srv.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerConnection: 64 << 10,
		MaxReceiveBufferPerStream:     64 << 10,
		SendPingTimeout:               idleTime / 2,
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              newLimit * time.Second,
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			next.ServeHTTP(w, r)
			return
		}
		if c := s.caller(r).conn; c != nil {
			c.multiplexed.Store(true)
		}
		if n := int64(headerBytes(r.Header) + len(r.RequestURI)); n > smallCheck {
			if !s.large.TryAcquire(n) {
				http.Error(w, "too many large requests at once", http.StatusServiceUnavailable)
				return
			}
			defer s.large.Release(n)
		}
		next.ServeHTTP(w, r)
	})
}
