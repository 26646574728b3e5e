package redis

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"

	"github.com/easgate/easgate/internal/session"
)

// A local answers from this process's memory, for as long as it hears of the changes that other replicas make: they
// publish the ids of sessions that they saved or deleted. While it does not, it knows nothing. A nil local is one that
// is switched off.
type local struct {
	records *otter.Cache[session.ID, session.Record]
	channel string
	stop    chan struct{} // closed when the store is
	done    chan struct{} // closed when follow has ended

	mu sync.Mutex
	// hears says that the subscription stands. generation counts what was heard: a record that was read before a change
	// is not remembered after it.
	hears      bool
	generation uint64
}

const (
	// maxLocal bounds what is remembered, in bytes.
	maxLocal = 64 << 20
	// heartbeat is how long a subscription may be silent before its server is asked, and how long that one may take.
	heartbeat = 300 * time.Millisecond
)

func newLocal(ttl time.Duration, channel string) *local {
	records := otter.Must(&otter.Options[session.ID, session.Record]{
		MaximumWeight:    maxLocal,
		Weigher:          func(_ session.ID, r session.Record) uint32 { return uint32(len(r.Value)) + 512 },
		ExpiryCalculator: otter.ExpiryWriting[session.ID, session.Record](ttl),
	})
	return &local{records: records, channel: channel, stop: make(chan struct{}), done: make(chan struct{})}
}

// load returns the record of id, or what remembers it once it is read.
func (l *local) load(id session.ID) (r session.Record, ok bool, fill func(session.Record)) {
	if l == nil {
		return r, false, func(session.Record) {}
	}
	if r, ok = l.records.GetIfPresent(id); ok {
		return r, true, nil
	}
	l.mu.Lock()
	generation, hears := l.generation, l.hears
	l.mu.Unlock()
	return r, false, func(r session.Record) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if hears && l.hears && l.generation == generation {
			l.records.Set(id, r)
		}
	}
}

// forget drops the record of id.
func (l *local) forget(id session.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation++
	l.records.Invalidate(id)
}

// changed forgets the record of id here and on the other replicas.
func (l *local) changed(ctx context.Context, client redis.UniversalClient, id session.ID) {
	if l == nil {
		return
	}
	l.forget(id)
	_ = client.Publish(ctx, l.channel, text(id[:])).Err() // who does not hear it forgets within a second
}

// follow listens to the changes of other replicas until close.
func (l *local) follow(client redis.UniversalClient, log *slog.Logger) {
	defer close(l.done)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-l.stop
		cancel()
	}()
	for ctx.Err() == nil {
		err := l.listen(ctx, client)
		l.deaf()
		if ctx.Err() == nil {
			log.Warn("sessions: the local cache is off while changes are not heard", "error", err)
			select {
			case <-time.After(heartbeat):
			case <-ctx.Done():
			}
		}
	}
}

// deaf forgets everything: what changed since is not known.
func (l *local) deaf() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hears = false
	l.generation++
	l.records.InvalidateAll()
}

// listen forgets what others change, until the subscription is lost.
func (l *local) listen(ctx context.Context, client redis.UniversalClient) error {
	subscription := client.Subscribe(ctx, l.channel)
	defer subscription.Close()
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })() // it does not wait with the context
	asked := false
	for {
		message, err := subscription.ReceiveTimeout(ctx, heartbeat)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &timeout) && timeout.Timeout() && !asked && ctx.Err() == nil:
			if err := subscription.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		default:
			return err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			l.mu.Lock()
			l.hears = true
			l.mu.Unlock()
		case *redis.Message:
			if id, err := base64.RawURLEncoding.DecodeString(m.Payload); err == nil && len(id) == len(session.ID{}) {
				l.forget(session.ID(id))
			}
		}
	}
}

func (l *local) close() {
	if l != nil {
		close(l.stop)
		<-l.done
	}
}
