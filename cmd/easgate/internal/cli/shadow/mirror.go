package shadow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
	"github.com/easgate/easgate/cmd/easgate/internal/recorded"
)

const (
	// maxMirrored is the longest body, of a request or an answer, that may wait to be compared; longer ones are passed on.
	maxMirrored = 64 << 10
	// maxRecording is when recording stops.
	maxRecording = 100 << 20
)

// A mirrored request waits for easgate to be asked.
type mirrored struct {
	request *recorded.Request
	eas     *answer
}

// A mirror answers with external-auth-server's answers and compares afterwards. Nothing that it does for the comparison
// can hold up an answer: a request that finds the queue full is not compared, and files are written by the workers.
type mirror struct {
	shadow *shadow
	tally  *tally
	queue  chan mirrored
	// closing is held for reading by whoever sends to queue, and for writing by who closes it.
	closing sync.RWMutex
	closed  bool
	passed  atomic.Int64 // answered and not compared
	out     *recorder    // nil without --record
}

// mirror serves until ctx ends, then compares what waits.
func serveMirror(c *cli.CLI, ctx context.Context, s *shadow, t *tally) error {
	m := &mirror{shadow: s, tally: t, queue: make(chan mirrored, s.queue)}
	if s.record != "" {
		f, err := os.OpenFile(s.record, os.O_WRONLY|os.O_CREATE|os.O_EXCL, files.Private)
		if err != nil {
			return err
		}
		defer f.Close()
		m.out = &recorder{f: f}
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Err, "mirroring at http://%s\n", l.Addr())
	srv := &http.Server{
		Handler:           m,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    128 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	comparing, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	var workers sync.WaitGroup
	printed := make(chan error, s.parallel)
	for range s.parallel {
		workers.Go(func() { printed <- m.compare(comparing) })
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		err = srv.Shutdown(stop)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close() // whoever is still there waited longer than an answer may take
		}
		if served := <-served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	m.close()
	defer time.AfterFunc(s.timeout, abandon).Stop()
	workers.Wait()
	t.skip(int(m.passed.Load()))
	for range s.parallel {
		err = errors.Join(err, <-printed)
	}
	if m.out != nil {
		err = errors.Join(err, m.out.err)
	}
	return err
}

// close ends the queue. A handler that was cut off and still runs must not find it so by a panic.
func (m *mirror) close() {
	m.closing.Lock()
	defer m.closing.Unlock()
	m.closed = true
	close(m.queue)
}

// compare works through the queue until it is closed and empty.
func (m *mirror) compare(ctx context.Context) error {
	var first error
	for w := range m.queue {
		if m.out != nil {
			m.out.write(w.request)
		}
		r := m.shadow.judge(w.request, w.eas, m.shadow.easgate.ask(ctx, w.request, nil))
		if err := m.tally.add(r); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// ServeHTTP answers with external-auth-server's answer. Without one it answers 502, which no proxy takes for an allow.
func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &recorded.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: http.Header{}}
	for name, values := range r.Header {
		if !recorded.HopByHop(name) {
			req.Header[name] = values
		}
	}
	read, err := io.ReadAll(io.LimitReader(r.Body, maxMirrored+1))
	if err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	var body io.Reader
	long := len(read) > maxMirrored
	if long {
		body = io.MultiReader(bytes.NewReader(read), r.Body)
	} else {
		req.Body = read
	}
	a := m.shadow.eas.ask(r.Context(), req, body)
	if a.err != nil {
		w.WriteHeader(http.StatusBadGateway)
	} else {
		h := w.Header()
		for name, values := range a.header {
			if !recorded.HopByHop(name) {
				h[name] = values
			}
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the proxy went away
	}
	if r.Context().Err() != nil || long || len(a.body) > maxMirrored || !m.enqueue(mirrored{req, a}) {
		m.passed.Add(1)
	}
}

// enqueue never waits: it reports whether there was room.
func (m *mirror) enqueue(w mirrored) bool {
	m.closing.RLock()
	defer m.closing.RUnlock()
	if m.closed {
		return false
	}
	select {
	case m.queue <- w:
		return true
	default:
		return false
	}
}

// A recorder writes requests to a file until it is full. It is safe for concurrent use.
type recorder struct {
	mu    sync.Mutex
	f     io.Writer
	bytes int
	err   error
}

func (r *recorder) write(req *recorded.Request) {
	line, err := req.Line()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || r.err != nil || r.bytes+len(line) > maxRecording {
		return
	}
	r.bytes += len(line)
	_, r.err = r.f.Write(line)
}
