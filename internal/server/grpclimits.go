package server

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"
)

// The bounds of a gRPC connection. Envoy opens one for each of its threads, and more when the streams are used up.
const (
	maxStreams = 100
	// maxMessage holds a CheckRequest with headers of 128 KB, in an envelope. Bodies are not looked at: Envoy needs not send them.
	maxMessage = 160 << 10
	// maxInitial bounds the initial metadata, in which the verify parameters may be; maxFields its fields.
	maxInitial = maxToken + 16<<10
	maxFields  = 64
	// idleTime and maxAge end connections, with time for what is in flight.
	idleTime = 2 * time.Minute
	maxAge   = time.Hour
)

// What all connections may hold together; docs/operations.md names it.
const (
	// Of the calls whose message has not arrived after slowMessage, the newest maxWaiting are kept. Others arrive within a
	// moment, and there are at most maxArriving of all.
	maxWaiting  = 256
	maxArriving = 4096
	slowMessage = 200 * time.Millisecond
	// Requests of more than smallCheck bytes share so many bytes while they are decided, where connections carry several.
	smallCheck = 8 << 10
	largeBytes = 32 << 20
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

// An arrival is a call whose message has not arrived.
type arrival struct {
	since  time.Time
	cancel context.CancelFunc
	at     *list.Element // nil once it has arrived or ended
	stop   func() bool
	bytes  int
}

type arrivalKey struct{}

func (s *Server) newIntake() *intake { return &intake{large: s.large} }

func (i *intake) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxInitial),
		grpc.ReadBufferSize(8 << 10),
		grpc.ConnectionTimeout(newLimit * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleTime, MaxConnectionAge: maxAge, MaxConnectionAgeGrace: activeLimit * time.Second,
			Time: time.Minute, Timeout: 20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(i.begin),
		grpc.UnaryInterceptor(i.arrived),
	}
}

// begin is called with a call's headers.
func (i *intake) begin(ctx context.Context, info *tap.Info) (context.Context, error) {
	a := &arrival{since: time.Now()}
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
	ctx, a.cancel = context.WithCancel(context.WithValue(ctx, arrivalKey{}, a))
	i.mu.Lock()
	defer i.mu.Unlock()
	a.at = i.arriving.PushBack(a)
	a.stop = context.AfterFunc(ctx, func() { i.remove(a) })
	if i.arriving.Len() > maxArriving {
		i.dropOldest()
	}
	if i.arriving.Len() > maxWaiting && !i.sweeping {
		i.sweeping = true
		time.AfterFunc(slowMessage, i.sweep)
	}
	return ctx, nil
}

// sweep ends the calls that take too long, the oldest first, while there are too many.
func (i *intake) sweep() {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	for i.arriving.Len() > maxWaiting && now.Sub(i.arriving.Front().Value.(*arrival).since) >= slowMessage {
		i.dropOldest()
	}
	i.sweeping = i.arriving.Len() > maxWaiting
	if i.sweeping {
		time.AfterFunc(slowMessage, i.sweep)
	}
}

func (i *intake) dropOldest() {
	a := i.arriving.Remove(i.arriving.Front()).(*arrival)
	a.at = nil
	a.cancel()
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
	a.stop()
	i.remove(a)
	if m, ok := in.(proto.Message); ok {
		a.bytes += proto.Size(m)
	}
	if a.bytes > smallCheck {
		if !i.large.TryAcquire(int64(a.bytes)) {
			return nil, status.Error(codes.ResourceExhausted, "too many large requests at once")
		}
		defer i.large.Release(int64(a.bytes))
	}
	return next(ctx, in)
}

// proxiesOnly accepts connections of trusted peers; others are closed before anything is read.
type proxiesOnly struct {
	net.Listener
	s *Server
}

// Accept implements [net.Listener].
func (l proxiesOnly) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := l.s.newCaller(c.RemoteAddr())
		if from.trusted {
			return c, nil
		}
		l.s.refusePeer(from.addr)
		_ = c.Close()
	}
}
