package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errIdle  = errors.New("nothing happened for too long")
	errEnded = errors.New("the session or the config token has ended")
)

// lifeKey is the context key of the request's own life.
type lifeKey struct{}

// life is a request while it is with the upstream. It is the request's context.
type life struct {
	context.Context
	end     context.CancelCauseFunc
	route   *Route
	passage *Passage
	w       http.ResponseWriter
	timer   *time.Timer
	// lasts says that it is among the route's lasting ones.
	lasts bool
	// moved is when something happened last, in ns of Unix time.
	moved atomic.Int64
	// due says that the next look is to decide.
	due atomic.Bool
	// looking is held by look, for what is below it: when it was decided last, and how often in a row nothing could be.
	looking sync.Mutex
	looked  int64
	doubts  int
	// began says that the answer has: it cannot become another one.
	began atomic.Bool
}

// maxDoubts ends a connection about which nothing can be decided: every failure denies, but one that is over in a
// minute need not end what was allowed.
const maxDoubts = 2

// Value implements [context.Context].
func (l *life) Value(key any) any {
	if key == (lifeKey{}) {
		return l
	}
	return l.Context.Value(key)
}

func lifeOf(ctx context.Context) *life { return ctx.Value(lifeKey{}).(*life) }

func (t *Route) begin(w http.ResponseWriter, r *http.Request, p *Passage) *life {
	l := &life{route: t, passage: p, w: w}
	l.Context, l.end = context.WithCancelCause(r.Context())
	l.looked = time.Now().UnixNano()
	l.moved.Store(l.looked)
	l.looking.Lock() // for a look that comes at once
	defer l.looking.Unlock()
	l.timer = time.AfterFunc(min(t.cfg.Timeout, t.cfg.LookAgain), l.look)
	return l
}

func (l *life) finish() {
	if l.lasts {
		l.route.mu.Lock()
		delete(l.route.lasting, l)
		l.route.mu.Unlock()
	}
	l.timer.Stop()
	l.end(context.Canceled)
}

// last is told that the request became a stream, which may go on for hours.
func (l *life) last() {
	l.lasts = true
	l.route.mu.Lock()
	defer l.route.mu.Unlock()
	l.route.lasting[l] = struct{}{}
}

func (l *life) touch() { l.moved.Store(time.Now().UnixNano()) }

// look ends the request when nothing happens any more, or when it would not be allowed any more. Otherwise it comes
// back.
func (l *life) look() {
	l.looking.Lock()
	defer l.looking.Unlock()
	now := time.Now().UnixNano()
	idle := time.Duration(now - l.moved.Load())
	if idle >= l.route.cfg.Timeout {
		l.stop(errIdle)
		return
	}
	if time.Duration(now-l.looked) >= l.route.cfg.LookAgain || l.due.Swap(false) {
		l.looked = now
		if l.passage.Again != nil && !l.again() {
			l.stop(errEnded)
			return
		}
	}
	next := min(l.route.cfg.Timeout-idle, l.route.cfg.LookAgain-time.Duration(now-l.looked))
	if l.Context.Err() == nil {
		l.timer.Reset(max(next, time.Millisecond))
	}
}

// again reports whether the request may go on.
func (l *life) again() bool {
	ok, err := l.passage.Again(l.Context)
	if err != nil {
		l.doubts++
		return l.doubts < maxDoubts
	}
	l.doubts = 0
	return ok
}

// stop ends both sides, also while one waits for a client that does not read. An answer that has not begun becomes an
// error.
func (l *life) stop(why error) {
	l.end(why)
	if !l.began.Load() {
		return
	}
	now := time.Now()
	c := http.NewResponseController(l.w)
	_ = c.SetReadDeadline(now) // an upgraded connection has none: it ends with the upstream's
	_ = c.SetWriteDeadline(now)
}

// body is the body of a request.
type body struct {
	io.ReadCloser
	life *life
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.life.touch()
	return n, err
}

// stream is the connection that an upgraded request became.
type stream struct {
	io.ReadWriteCloser
	life *life
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	s.life.touch()
	return n, err
}

// Write implements [io.Writer].
func (s *stream) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	s.life.touch()
	return n, err
}

// watch notes when the body of an answer moves.
func (l *life) watch(b io.ReadCloser) io.ReadCloser {
	if rw, ok := b.(io.ReadWriteCloser); ok {
		return &stream{rw, l}
	}
	return &body{b, l}
}
