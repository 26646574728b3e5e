package redis

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/easgate/easgate/internal/session"
)

// page is how many records are read at once.
const page = 200

func (s *store) All(ctx context.Context, m session.Match) iter.Seq2[session.Record, error] {
	if m.Check() == nil {
		return s.named(ctx, m)
	}
	return func(yield func(session.Record, error) bool) {
		keys, err := s.keys(ctx)
		if err == nil {
			err = s.read(ctx, keys, m, func(r session.Record) bool { return yield(r, nil) })
		}
		if err != nil {
			yield(session.Record{}, wrap(err))
		}
	}
}

// named yields the records that m names, with its subject or sid.
func (s *store) named(ctx context.Context, m session.Match) iter.Seq2[session.Record, error] {
	return func(yield func(session.Record, error) bool) {
		key := s.namesKey("sid", m.SID)
		if m.SID == "" {
			key = s.namesKey("subject", m.Subject)
		}
		one, cancel := bound(ctx)
		ids, err := s.client.ZRange(one, key, 0, -1).Result()
		cancel()
		if err == nil {
			for i, id := range ids {
				ids[i] = s.prefix + "session:" + id
			}
			err = s.read(ctx, ids, m, func(r session.Record) bool { return yield(r, nil) })
		}
		if err != nil {
			yield(session.Record{}, wrap(err))
		}
	}
}

// keys are those of all records.
func (s *store) keys(ctx context.Context) (keys []string, err error) {
	pattern := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s.prefix) + "session:*"
	seen := map[string]bool{} // a scan may say things twice
	var mu sync.Mutex
	scan := func(ctx context.Context, server *redis.Client) error {
		for cursor := uint64(0); ; {
			one, cancel := bound(ctx)
			some, next, err := server.Scan(one, cursor, pattern, 1000).Result()
			cancel()
			if err != nil {
				return err
			}
			mu.Lock()
			for _, key := range some {
				if !seen[key] {
					seen[key] = true
					keys = append(keys, key)
				}
			}
			mu.Unlock()
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	}
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, scan)
	case *redis.Client:
		err = scan(ctx, c)
	}
	return keys, err
}

// read gives the records under keys that live and that m names to take, until it has enough.
func (s *store) read(ctx context.Context, keys []string, m session.Match, take func(session.Record) bool) error {
	for len(keys) > 0 {
		some := keys[:min(page, len(keys))]
		keys = keys[len(some):]
		texts, err := s.get(ctx, some)
		if err != nil {
			return err
		}
		for i, cmd := range texts {
			id, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(some[i], s.prefix+"session:"))
			if err != nil || len(id) != len(session.ID{}) || cmd.Err() != nil {
				continue // gone meanwhile, or nothing of ours
			}
			r, err := decode(session.ID(id), cmd.Val())
			if err != nil || !m.Matches(r) || !s.Now().Before(r.Expires) {
				continue
			}
			if !take(r) {
				return nil
			}
		}
	}
	return nil
}

func (s *store) get(ctx context.Context, keys []string) ([]*redis.StringCmd, error) {
	ctx, cancel := bound(ctx)
	defer cancel()
	texts := make([]*redis.StringCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			texts[i] = p.Get(ctx, key)
		}
		return nil
	})
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	for _, cmd := range texts {
		if err == nil && cmd.Err() != nil && !errors.Is(cmd.Err(), redis.Nil) {
			err = cmd.Err()
		}
	}
	return texts, err
}
