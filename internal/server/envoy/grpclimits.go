package envoy

import (
	"cmp"
	"container/list"
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify"
)

// The bounds of a gRPC connection.
const (
	// maxMessage holds a CheckRequest with headers of 128 KB, in an envelope. Bodies are not looked at: Envoy needs not
	// send them.
	maxMessage = 160 << 10
	// maxInitial bounds the initial metadata, in which the verify parameters may be; maxFields its fields.
	maxInitial = verify.MaxURL + 16<<10
	maxFields  = 64
	// idleTime and maxAge end connections, with time for what is in flight.
	idleTime = 2 * time.Minute
	maxAge   = time.Hour
)

// What all connections may hold together; docs/operations.md names it.
const (
	// Up to maxWaiting calls may wait for their messages however long. Beyond that, every sweepTime, they are weighed,
	// with perCall bytes for each; and if they hold more than maxArriving, the connections that hold most lose theirs.
	maxWaiting  = 256
	maxArriving = 32 << 20
	perCall     = 16 << 10
	sweepTime   = 10 * time.Millisecond
)

// An intake bounds what gRPC calls hold: those whose message is on its way, and large ones that are being decided.
// gRPC itself bounds each message and the calls of a connection, not all of them together.
type intake struct {
	large *semaphore.Weighted

	mu sync.Mutex
	// arriving holds *arrival, the oldest in front.
	arriving list.List
	sweeping bool
}

// An arrival is a call whose message has not arrived, and its context.
type arrival struct {
	context.Context
	conn   *counted
	mark   int64 // what conn had read by then
	cancel context.CancelFunc
	at     *list.Element // nil once it is not in the list any more
	bytes  int           // of initial metadata
}

// Value implements [context.Context].
func (a *arrival) Value(key any) any {
	if key == (arrivalKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// counted is a gRPC connection that counts what it reads. It is its own address too: gRPC shows a call no more than
// that.
type counted struct {
	net.Conn
	net.Addr
	read atomic.Int64
}

// Read implements [net.Conn].
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// RemoteAddr implements [net.Conn].
func (c *counted) RemoteAddr() net.Addr { return c }

type arrivalKey struct{}

func newIntake(large *semaphore.Weighted) *intake { return &intake{large: large} }

func (i *intake) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(listen.MaxStreams),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxInitial),
		grpc.ReadBufferSize(listen.SmallRequest), // what a connection may have read of a call before it begins
		grpc.ConnectionTimeout(listen.NewLimit),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleTime, MaxConnectionAge: maxAge, MaxConnectionAgeGrace: listen.ActiveLimit,
			Time: time.Minute, Timeout: 20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(i.begin),
		grpc.UnaryInterceptor(i.arrived),
	}
}

// begin is called with a call's headers.
func (i *intake) begin(ctx context.Context, info *tap.Info) (context.Context, error) {
	a := &arrival{}
	fields := 0
	for _, values := range info.Header {
		for _, v := range values {
			a.bytes += len(v)
			fields++
		}
	}
	if fields > maxFields {
		return nil, status.Error(codes.ResourceExhausted, "initial metadata: too many fields")
	}
	a.Context, a.cancel = context.WithCancel(ctx)
	if p, ok := peer.FromContext(ctx); ok {
		if a.conn, ok = p.Addr.(*counted); ok {
			a.mark = a.conn.read.Load()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	a.at = i.arriving.PushBack(a)
	if i.arriving.Len() > maxWaiting && !i.sweeping {
		i.sweeping = true
		time.AfterFunc(sweepTime, i.sweep)
	}
	return a, nil
}

// A holding is what a connection's arriving calls may hold.
type holding struct {
	calls, bytes int64
	mark         int64 // of the oldest
}

// sweep ends calls of the connections that hold most, while all of them together hold too much. Calls whose message is
// only waiting for a processor hold little, however many they are.
func (i *intake) sweep() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(func(a *arrival) bool { return a.Err() != nil }) // ended without a message
	i.sweeping = i.arriving.Len() > maxWaiting
	if !i.sweeping {
		return
	}
	time.AfterFunc(sweepTime, i.sweep)
	conns, total := map[*counted]*holding{}, int64(0)
	for e := i.arriving.Front(); e != nil; e = e.Next() {
		a := e.Value.(*arrival)
		h := conns[a.conn]
		if h == nil {
			h = &holding{mark: a.mark}
			conns[a.conn] = h
		}
		h.calls++
	}
	for c, h := range conns {
		h.bytes = h.calls * perCall
		if c != nil {
			h.bytes += min(h.calls*maxMessage, c.read.Load()-h.mark)
		}
		total += h.bytes
	}
	for _, c := range slices.SortedFunc(maps.Keys(conns),
		func(a, b *counted) int { return cmp.Compare(conns[b].bytes, conns[a].bytes) }) {
		if total <= maxArriving {
			break
		}
		total -= conns[c].bytes
		i.forget(func(a *arrival) bool { return a.conn == c })
	}
}

// forget ends those arriving calls, and takes them from the list.
func (i *intake) forget(which func(*arrival) bool) {
	var next *list.Element
	for e := i.arriving.Front(); e != nil; e = next {
		next = e.Next()
		if a := e.Value.(*arrival); which(a) {
			i.arriving.Remove(e)
			a.at = nil
			a.cancel()
		}
	}
}

func (i *intake) remove(a *arrival) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if a.at != nil {
		i.arriving.Remove(a.at)
		a.at = nil
	}
}

// arrived is called with a call's message.
func (i *intake) arrived(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	a := ctx.Value(arrivalKey{}).(*arrival)
	i.remove(a)
	size := int64(a.bytes)
	// Most connections have not read so much since that a large message could be among it.
	if m, ok := in.(proto.Message); ok && (a.conn == nil || a.conn.read.Load()-a.mark > listen.SmallRequest/2) {
		size += int64(proto.Size(m))
	}
	if size > listen.SmallRequest {
		if !i.large.TryAcquire(size) {
			return nil, status.Error(codes.ResourceExhausted, "too many large requests at once")
		}
		defer i.large.Release(size)
	}
	return next(ctx, in)
}

// proxiesOnly accepts connections of trusted peers; others are closed before anything is read.
type proxiesOnly struct {
	net.Listener
	v *verify.Verifier
}

// Accept implements [net.Listener].
func (l proxiesOnly) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := l.v.Peer(c.RemoteAddr())
		if from.Trusted {
			return &counted{Conn: c, Addr: c.RemoteAddr()}, nil
		}
		l.v.RefusePeer(from)
		_ = c.Close()
	}
}
