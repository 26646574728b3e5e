package envoy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// A raw connection speaks HTTP/2 as no proxy would.
type raw struct {
	net.Conn
	*http2.Framer
	block  bytes.Buffer
	hpack  *hpack.Encoder
	stream uint32
}

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	r := &raw{Conn: c, Framer: http2.NewFramer(c, c)}
	r.hpack = hpack.NewEncoder(&r.block)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return r
}

// open begins a call with some of a message of size bytes.
func (r *raw) open(method string, size, sent int, fields ...string) error {
	r.block.Reset()
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", "a"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = r.hpack.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // into a buffer
	}
	for _, f := range fields {
		_ = r.hpack.WriteField(hpack.HeaderField{Name: "x", Value: f})
	}
	id := 2*r.stream + 1
	r.stream++
	if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.block.Bytes(), EndHeaders: true}); err != nil {
		return err
	}
	data := binary.BigEndian.AppendUint32([]byte{0}, uint32(size))
	data = append(data, make([]byte, sent)...)
	for len(data) > 0 {
		n := min(len(data), 16<<10)
		if err := r.WriteData(id, false, data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// heap returns the bytes that are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// ATTACKS 74: calls whose message never comes, on as many streams as there may be.
func TestGRPCUnfinishedCalls(t *testing.T) {
	f := newFixture(t, nil)
	conn := f.envoy(t)
	client := authv3.NewAuthorizationClient(conn)
	before := heap()
	const method = "/envoy.service.auth.v3.Authorization/Check"
	for range 16 {
		r := dialRaw(t, conn.Target())
		go func() { // the server's words are not listened to, but must not pile up
			_, _ = io.Copy(io.Discard, r.Conn)
		}()
		for range listen.MaxStreams {
			// A window's worth, which the server has to take.
			if err := r.open(method, maxMessage, 60<<10); err != nil {
				break // the connection's window is used up, or it was ended
			}
		}
	}
	start := time.Now()
	for range 100 {
		if res, err := client.Check(t.Context(), checkRequest(verifytest.NoopToken("200"))); err != nil || res.GetOkResponse() == nil {
			t.Fatalf("somebody else's call = %v, %v, want an allow", res, err)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("somebody else's 100 calls took %v", took)
	}
	eventually(t, "the oldest calls are ended", func() bool { return heap()-before < 40<<20 })
}

// ATTACKS 75: ways to take more than one's share before a message is read.
func TestGRPCRefusals(t *testing.T) {
	f := newFixture(t, nil)
	conn := f.envoy(t)
	client := authv3.NewAuthorizationClient(conn)
	long := strings.Repeat("x", maxInitial)
	many := metadata.MD{}
	for range maxFields {
		many.Append("x-many", "")
	}
	large := checkRequest(verifytest.NoopToken("200"))
	large.Attributes.Request.Http.Body = strings.Repeat("x", maxMessage)
	for _, tt := range []struct {
		name     string
		metadata metadata.MD
		in       *authv3.CheckRequest
	}{
		{"large message", nil, large},
		{"large metadata", metadata.Pairs("x-long", long), checkRequest(verifytest.NoopToken("200"))},
		{"many fields", many, checkRequest(verifytest.NoopToken("200"))},
	} {
		res, err := client.Check(metadata.NewOutgoingContext(t.Context(), tt.metadata), tt.in)
		if code := status.Code(err); code != codes.ResourceExhausted && code != codes.Internal && code != codes.Unavailable {
			t.Errorf("%s: %v, %v, want it refused", tt.name, res, err)
		}
	}
	if res, err := client.Check(t.Context(), checkRequest(verifytest.NoopToken("200"))); err != nil || res.GetOkResponse() == nil {
		t.Errorf("the next call = %v, %v, want an allow", res, err)
	}
}

// More streams than the server's settings allow are refused, and the settings say so.
func TestGRPCStreams(t *testing.T) {
	f := newFixture(t, nil)
	r := dialRaw(t, f.envoy(t).Target())
	for range listen.MaxStreams + 1 {
		if err := r.open("/grpc.health.v1.Health/Watch", 10, 0); err != nil {
			t.Fatal(err)
		}
	}
	for {
		frame, err := r.ReadFrame()
		if err != nil {
			t.Fatalf("no stream was refused: %v", err)
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if n, ok := frame.Value(http2.SettingMaxConcurrentStreams); !frame.IsAck() && (!ok || n != listen.MaxStreams) {
				t.Errorf("settings: %d streams, want %d", n, listen.MaxStreams)
			}
		case *http2.RSTStreamFrame:
			if frame.ErrCode != http2.ErrCodeRefusedStream || frame.StreamID != 2*listen.MaxStreams+1 {
				t.Errorf("%v, want the last stream refused", frame)
			}
			return
		}
	}
}

// Large checks that wait for something slow share a budget; small ones do not notice.
func TestGRPCLargeChecks(t *testing.T) {
	i := newIntake(listen.NewBudget())
	if !i.large.TryAcquire(listen.LargeBytes - 1) {
		t.Fatal("the budget is not what it says")
	}
	for size, want := range map[int]codes.Code{10: codes.OK, listen.SmallRequest + 1: codes.ResourceExhausted} {
		ctx, err := i.begin(t.Context(), &tap.Info{})
		if err != nil {
			t.Fatal(err)
		}
		in := checkRequest("")
		in.Attributes.Request.Http.Body = strings.Repeat("x", size)
		next := func(context.Context, any) (any, error) { return nil, nil }
		_, err = i.arrived(ctx, in, nil, next)
		if got := status.Code(err); got != want {
			t.Errorf("a check of %d bytes: %v, want %v", size, got, want)
		}
	}
	if n := i.arriving.Len(); n != 0 {
		t.Errorf("%d calls are still arriving, want 0", n)
	}
}

func TestGRPCUntrustedPeer(t *testing.T) {
	f := newFixture(t, func(c *verify.Config) { c.Trusted = parent.Trusted{} })
	conn := f.envoy(t)
	res, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), checkRequest(verifytest.NoopToken("200")))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("Check = %v, %v, want no connection", res, err)
	}
	c, err := net.Dial("tcp", conn.Target())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if n, err := io.Copy(io.Discard, c); n != 0 || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a stranger's connection: %d bytes, %v, want it closed at once", n, err)
	}
	if log := f.Log.String(); !strings.Contains(log, "EAS_TRUSTED_PROXIES=127.0.0.1") {
		t.Errorf("the log does not say which setting admits the peer:\n%s", log)
	}
}

// eventually waits for what the server does soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// Many calls that only wait for a processor are not a stranger's; who holds much loses it, and nobody else does.
func TestGRPCSweep(t *testing.T) {
	i := newIntake(listen.NewBudget())
	begin := func(c *counted, n int, each int64) (calls []context.Context) {
		for range n {
			ctx, err := i.begin(peer.NewContext(t.Context(), &peer.Peer{Addr: c}), &tap.Info{})
			if err != nil {
				t.Fatal(err)
			}
			c.read.Add(each)
			calls = append(calls, ctx)
		}
		return calls
	}
	ended := func(calls []context.Context) (n int) {
		for _, ctx := range calls {
			if ctx.Err() != nil {
				n++
			}
		}
		return n
	}
	var busy []context.Context
	for range 10 {
		busy = append(busy, begin(&counted{}, listen.MaxStreams, 4<<10)...)
	}
	i.sweep()
	if n := ended(busy); n != 0 {
		t.Errorf("%d of %d short calls were ended, want none", n, len(busy))
	}
	greedy := begin(&counted{}, listen.MaxStreams, maxMessage)
	i.sweep()
	if n, m := ended(busy), ended(greedy); n != 0 || m != len(greedy) {
		t.Errorf("%d of %d short calls and %d of %d long ones were ended, want the long ones", n, len(busy), m, len(greedy))
	}
}
