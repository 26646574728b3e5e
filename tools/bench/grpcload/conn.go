package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// message is m with gRPC's length before it.
func message(m []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...)
}

// A conn is one HTTP/2 connection (RFC 9113) that does only what is needed to ask the same thing again: a full client
// would take more processor time than the server that it measures.
type conn struct {
	framer *http2.Framer
	out    *bufio.Writer
	in     *bufio.Reader
	// header is compressed with the server's table as it is after the first request, fresh before it.
	fresh, header   []byte
	request, answer []byte
	next            uint32
	started         map[uint32]time.Time
	answered        map[uint32]bool
}

// load keeps so many requests in flight until the deadline, and returns how long each took.
func load(addr, method string, request, answer []byte, streams int,
	deadline time.Time) (took []time.Duration, err error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	l := newConn(c, addr, method, request, answer)
	if err := l.hello(); err != nil {
		return nil, err
	}
	for range streams {
		if err := l.ask(); err != nil {
			return nil, err
		}
	}
	for len(l.started) > 0 {
		if l.in.Buffered() == 0 {
			if err := l.out.Flush(); err != nil {
				return nil, err
			}
		}
		began, done, err := l.read()
		if err != nil {
			return nil, err
		}
		if !done {
			continue
		}
		now := time.Now()
		took = append(took, now.Sub(began))
		if now.Before(deadline) {
			if err := l.ask(); err != nil {
				return nil, err
			}
		}
	}
	return took, nil
}

func newConn(c net.Conn, addr, method string, request, answer []byte) *conn {
	l := &conn{
		in: bufio.NewReaderSize(c, 64<<10), out: bufio.NewWriterSize(c, 64<<10),
		request: request, answer: answer, next: 1, started: map[uint32]time.Time{}, answered: map[uint32]bool{},
	}
	l.framer = http2.NewFramer(l.out, l.in)
	l.framer.SetReuseFrames()
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	block := func() []byte {
		b.Reset()
		for _, f := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", addr},
			{"content-type", "application/grpc"}, {"user-agent", "grpcload"}, {"te", "trailers"},
		} {
			_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // into a buffer
		}
		return bytes.Clone(b.Bytes())
	}
	l.fresh, l.header = block(), block()
	return l
}

// hello opens the connection, with a window that one run does not use up.
func (l *conn) hello() error {
	if _, err := l.out.WriteString(http2.ClientPreface); err != nil {
		return err
	}
	if err := l.framer.WriteSettings(); err != nil {
		return err
	}
	return l.framer.WriteWindowUpdate(0, math.MaxInt32-1<<16)
}

// ask sends the request once more. What is in flight is far less than the server's window.
func (l *conn) ask() error {
	id := l.next
	header := l.header
	if id == 1 {
		header = l.fresh
	}
	l.next += 2
	l.started[id] = time.Now()
	if err := l.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header,
		EndHeaders: true}); err != nil {
		return err
	}
	return l.framer.WriteData(id, true, l.request)
}

// read takes one frame; done means that it was the last of an answer, to what was asked at began.
func (l *conn) read() (began time.Time, done bool, err error) {
	frame, err := l.framer.ReadFrame()
	if err != nil {
		return began, false, err
	}
	id := frame.Header().StreamID
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = l.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = l.framer.WritePing(true, f.Data)
		}
	case *http2.DataFrame:
		if !bytes.Equal(f.Data(), l.answer) {
			return began, false, fmt.Errorf("another answer than expected: %x", f.Data())
		}
		l.answered[id] = true
	case *http2.HeadersFrame:
		if !f.StreamEnded() {
			return began, false, nil
		}
		began, done = l.started[id]
		if !done || !l.answered[id] {
			return began, false, errors.New("a call failed")
		}
		delete(l.started, id)
		delete(l.answered, id)
	case *http2.RSTStreamFrame:
		err = fmt.Errorf("stream reset: %v", f.ErrCode)
	case *http2.GoAwayFrame:
		err = fmt.Errorf("connection ended: %v", f.ErrCode)
	}
	return began, done, err
}
