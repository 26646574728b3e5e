package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/easgate/easgate/internal/session"
)

// Options are what a store needs besides its configuration.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Roots are the authorities to trust where the configuration names none, nil for the system's.
	Roots *x509.CertPool
}

type store struct {
	Options
	client redis.UniversalClient
	prefix string
	// local is nil where nothing is answered from this process's memory.
	local    *local
	replicas replicas
	// replicated is told of each change whether a replica confirmed it in time, where there are any; for tests.
	replicated func(id session.ID, confirmed bool)
}

// New opens the store. It does not connect: a server that is down at the start is an error of each call until it is up.
func New(c Config, o Options) (session.Store, error) {
	if c.LocalCache < 0 || c.LocalCache > 1000 {
		return nil, errors.New("local_cache: want milliseconds, at most 1000")
	}
	redis.SetLogger(quiet{o.Log}) // the library has one for all
	client, err := c.client(o.Roots, func(text string) { o.Log.Warn("sessions: tls: " + text) })
	if err != nil {
		return nil, err
	}
	s := &store{Options: o, client: client, prefix: "easgate:", replicated: func(session.ID, bool) {}}
	for _, prefix := range []string{c.Cluster.Options.KeyPrefix, c.KeyPrefix, c.Prefix} {
		if prefix != "" {
			s.prefix = prefix
		}
	}
	if c.LocalCache > 0 {
		s.local = newLocal(time.Duration(c.LocalCache)*time.Millisecond, s.prefix+"changed")
		go s.local.follow(client, o.Log)
	}
	return s, nil
}

// quiet is the library's logger: what matters to an operator is in the errors.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(ctx context.Context, format string, v ...any) {
	q.log.DebugContext(ctx, "redis: "+fmt.Sprintf(format, v...))
}

// The keys. Base64url has no character that a pattern or a hash tag of a cluster could mean.
func (s *store) recordKey(id session.ID) string { return s.prefix + "session:" + text(id[:]) }
func (s *store) namesKey(kind, hash string) string {
	return s.prefix + kind + ":" + hash
}
func (s *store) claimKey(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + " " + name))
	return s.prefix + kind + ":" + text(sum[:])
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// encode writes r as the text that Redis keeps:
//
//	version:created:expires:provider:subject:sid:value
func encode(r session.Record) string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return strings.Join([]string{
		number(r.Version), number(r.Created.UnixMilli()), number(r.Expires.UnixMilli()),
		r.Provider, r.Subject, r.SID, r.Value,
	}, ":")
}

func decode(id session.ID, text string) (session.Record, error) {
	r := session.Record{ID: id}
	var numbers [3]int64
	for i := range numbers {
		var part string
		var err error
		part, text, _ = strings.Cut(text, ":")
		if numbers[i], err = strconv.ParseInt(part, 10, 64); err != nil {
			return session.Record{}, errors.New("redis: a session's key holds something else")
		}
	}
	r.Version, r.Created, r.Expires = numbers[0], time.UnixMilli(numbers[1]), time.UnixMilli(numbers[2])
	for _, name := range []*string{&r.Provider, &r.Subject, &r.SID} {
		*name, text, _ = strings.Cut(text, ":")
	}
	r.Value = text
	return r, nil
}

// bound is a call's context, and wrap its error.
func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, timeout)
}

func wrap(err error) error {
	if err == nil || errors.Is(err, session.ErrConflict) {
		return err
	}
	return fmt.Errorf("redis: %w", err)
}

func (s *store) Load(ctx context.Context, id session.ID) (session.Record, bool, error) {
	r, ok, fill := s.local.load(id)
	if !ok {
		ctx, cancel := bound(ctx)
		defer cancel()
		text, err := s.client.Get(ctx, s.recordKey(id)).Result()
		switch {
		case errors.Is(err, redis.Nil):
			return session.Record{}, false, nil
		case err != nil:
			return session.Record{}, false, wrap(err)
		}
		if r, err = decode(id, text); err != nil {
			return session.Record{}, false, err
		}
		fill(r)
	}
	if !s.Now().Before(r.Expires) {
		return session.Record{}, false, nil
	}
	return r, true, nil
}

// saveScript writes ARGV[2] for ARGV[3] ms if the version under the key is ARGV[1], or if it is there already.
const saveScript = `
local now = redis.call('GET', KEYS[1])
local version = 0
if now then version = tonumber(string.match(now, '^%d+')) end
if version == tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
if now == ARGV[2] then return 1 end
return 0`

// nameScript adds id ARGV[3] to a set until ARGV[2], which lives for ARGV[4] ms at least; what expired before ARGV[1]
// goes.
const nameScript = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`

func (s *store) Save(ctx context.Context, r session.Record) (int64, error) {
	if err := r.Check(); err != nil {
		return 0, err
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	// The names come first: one that leads nowhere is harmless, and a session that a logout does not find is not.
	if err := s.name(ctx, r); err != nil {
		return 0, wrap(err)
	}
	next := r
	next.Version++
	key := s.recordKey(r.ID)
	saved, err := s.write(ctx, r.ID, func(p redis.Pipeliner) *redis.Cmd {
		return p.Eval(ctx, saveScript, []string{key}, r.Version, encode(next), s.ttl(r.Expires))
	})
	switch {
	case err != nil:
		return 0, wrap(err)
	case !saved:
		return 0, session.ErrConflict
	}
	return next.Version, nil
}

// ttl is the time until then in milliseconds; Redis takes none below 1.
func (s *store) ttl(until time.Time) int64 {
	return max(1, until.Sub(s.Now()).Milliseconds())
}

func (s *store) name(ctx context.Context, r session.Record) error {
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for kind, hash := range map[string]string{"subject": r.Subject, "sid": r.SID} {
			if hash != "" {
				p.Eval(ctx, nameScript, []string{s.namesKey(kind, hash)},
					s.Now().UnixMilli(), r.Expires.UnixMilli(), text(r.ID[:]), s.ttl(r.Expires))
			}
		}
		return nil
	})
	return err
}

func (s *store) Delete(ctx context.Context, id session.ID) error {
	ctx, cancel := bound(ctx)
	defer cancel()
	_, err := s.delete(ctx, id)
	return wrap(err)
}

func (s *store) delete(ctx context.Context, id session.ID) (bool, error) {
	return s.write(ctx, id, func(p redis.Pipeliner) *redis.Cmd { return p.Do(ctx, "DEL", s.recordKey(id)) })
}

func (s *store) DeleteBy(ctx context.Context, m session.Match) (n int, err error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	for r, err := range s.named(ctx, m) {
		if err != nil {
			return n, err
		}
		one, cancel := bound(ctx)
		deleted, err := s.delete(one, r.ID)
		cancel()
		if err != nil {
			return n, wrap(err)
		}
		if deleted {
			n++
		}
	}
	return n, nil
}

// claimScript gives the key to holder ARGV[1] for ARGV[2] ms, if nobody has it, or if that holder has it already.
const claimScript = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0`

// releaseScript deletes the key if holder ARGV[1] has it.
const releaseScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

func (s *store) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	return s.claim(ctx, s.claimKey("once", key), rand.Text(), s.ttl(until))
}

func (s *store) Lease(ctx context.Context, id session.ID, ttl time.Duration) (func(), bool, error) {
	key, holder := s.claimKey("lease", string(id[:])), rand.Text()
	ok, err := s.claim(ctx, key, holder, max(1, ttl.Milliseconds()))
	if err != nil || !ok {
		return nil, false, err
	}
	return func() {
		// A lease that cannot be given back ends by itself.
		ctx, cancel := bound(context.WithoutCancel(ctx))
		defer cancel()
		_ = s.client.Eval(ctx, releaseScript, []string{key}, holder).Err()
	}, true, nil
}

func (s *store) claim(ctx context.Context, key, holder string, ms int64) (bool, error) {
	ctx, cancel := bound(ctx)
	defer cancel()
	got, err := s.client.Eval(ctx, claimScript, []string{key}, holder, ms).Bool()
	return got, wrap(err)
}

func (s *store) Ready(ctx context.Context) error {
	ctx, cancel := bound(ctx)
	defer cancel()
	return wrap(s.client.Ping(ctx).Err())
}

func (s *store) Close() error {
	s.local.close()
	return s.client.Close()
}
