package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/easgate/easgate/internal/session"
)

const (
	// patience is how long a save waits for a replica to have it.
	patience = 200 * time.Millisecond
	// recount is how often a server is asked how many replicas it has.
	recount = 5 * time.Second
)

// replicas remembers which servers have replicas, by address.
type replicas struct {
	mu    sync.Mutex
	known map[string]count
}

type count struct {
	n  int
	at time.Time
}

// of returns how many replicas follow the server, 0 if it does not say so.
func (k *replicas) of(ctx context.Context, server *redis.Client, now time.Time) int {
	address := server.Options().Addr
	k.mu.Lock()
	c, ok := k.known[address]
	k.mu.Unlock()
	if ok && now.Sub(c.at) < recount {
		return c.n
	}
	info, err := server.Info(ctx, "replication").Result()
	if err != nil {
		return c.n
	}
	_, after, _ := strings.Cut(info, "connected_slaves:")
	line, _, _ := strings.Cut(after, "\r\n")
	n, _ := strconv.Atoi(line)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) > 1000 { // of servers that came and went
		k.known = map[string]count{}
	}
	k.known[address] = count{n, now}
	return n
}

func (k *replicas) forget(server *redis.Client) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, server.Options().Addr)
}

// write sends the command that changes the session of id, waits for a replica if there are any, and reports whether the
// command's answer was not 0. A replica that is too late is logged: the change is made, and a failover in this moment
// could undo it.
func (s *store) write(
	ctx context.Context, id session.ID, command func(redis.Pipeliner) *redis.Cmd,
) (changed bool, err error) {
	for range 2 {
		changed, err = s.writeOnce(ctx, id, command)
		cluster, ok := s.client.(*redis.ClusterClient)
		if !ok || err == nil || !movedAway(err) {
			break
		}
		cluster.ReloadState(ctx)
	}
	s.local.changed(ctx, s.client, id)
	return changed, err
}

func movedAway(err error) bool {
	var e redis.Error
	return errors.As(err, &e) && (strings.HasPrefix(e.Error(), "MOVED ") || strings.HasPrefix(e.Error(), "READONLY "))
}

func (s *store) writeOnce(ctx context.Context, id session.ID, command func(redis.Pipeliner) *redis.Cmd) (bool, error) {
	server, err := s.serverOf(ctx, id)
	if err != nil {
		return false, err
	}
	n := s.replicas.of(ctx, server, s.Now())
	// One pipeline is one connection, and WAIT is about the writes of its connection.
	pipe := server.Pipeline()
	cmd := command(pipe)
	var wait *redis.Cmd
	if n > 0 {
		wait = pipe.Do(ctx, "WAIT", 1, patience.Milliseconds())
	}
	_, _ = pipe.Exec(ctx) // the commands have their errors
	answer, err := cmd.Int()
	if err != nil || wait == nil {
		return answer > 0, err
	}
	confirmed, err := wait.Int()
	s.replicated(id, confirmed > 0)
	if confirmed < 1 {
		s.replicas.forget(server) // it may be another server by now
		s.Log.Warn("sessions: no replica has a change yet, a failover now would lose it",
			"session", id.String(), "waited", patience, "error", err)
	}
	return answer > 0, nil
}

// serverOf returns the server that has the session of id.
func (s *store) serverOf(ctx context.Context, id session.ID) (*redis.Client, error) {
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, s.recordKey(id))
	case *redis.Client:
		return c, nil
	}
	return nil, errors.New("a client of another kind")
}
