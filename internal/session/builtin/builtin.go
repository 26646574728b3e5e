// Package builtin is the list of session stores, and opens the one that the operator chose.
//
// The options are external-auth-server's EAS_STORE_OPTS: an object whose member store names the kind, and whose others
// are that kind's:
//
//	{"store": "redis", "host": "redis.example.com", "password": "…"}
//	{"store": "sql", "config": {"client": "pg", "connection": {"host": "db", …}}}
package builtin

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/memory"
	"github.com/easgate/easgate/internal/session/redis"
	"github.com/easgate/easgate/internal/session/sql"
	"github.com/easgate/easgate/internal/strictjson"
)

// Memory is the kind of store that is opened where none is named: it ends with the process.
const Memory = "memory"

// Env is what stores may reach.
type Env struct {
	Log *slog.Logger
	Now func() time.Time
	// Roots are the certificate authorities to trust where the options name none; nil are the system's.
	Roots *x509.CertPool
}

// A kind of store opens one with the options raw.
type kind func(raw json.RawMessage, env Env) (session.Store, error)

var kinds = map[string]kind{
	Memory: of(func(c memoryOptions, env Env) (session.Store, error) {
		return memory.New(memory.Options{Max: c.Max, MaxBytes: c.MaxBytes, Now: env.Now}), nil
	}),
	"sql":   of(func(c sql.Config, env Env) (session.Store, error) { return sql.New(c, env.Now) }),
	"redis": of(openRedis), "ioredis": of(openRedis),
}

func openRedis(c redis.Config, env Env) (session.Store, error) {
	return redis.New(c, redis.Options{Log: env.Log, Now: env.Now, Roots: env.Roots})
}

// memoryOptions are those of cache-manager's memory store.
type memoryOptions struct {
	// Max is how many sessions there may be; 0 means 1,000,000.
	Max int `json:"max"`
	// MaxBytes is how much memory they may take, in bytes; 0 means 1 GiB.
	MaxBytes int64 `json:"max_bytes"`

	TTL any `json:"ttl"`
}

// of turns a typed constructor into a kind. It is the one place that decodes options.
func of[C any](open func(C, Env) (session.Store, error)) kind {
	return func(raw json.RawMessage, env Env) (session.Store, error) {
		var c C
		unknown, err := strictjson.Decode(raw, &c, "store")
		if err = errors.Join(append(unknown, err)...); err != nil {
			return nil, err
		}
		return open(c, env)
	}
}

// Open returns the store that raw describes, a JSON object, and its kind; nothing means one in memory. No connection is
// made: a server that is down is an error of each call until it is up.
func Open(raw json.RawMessage, env Env) (s session.Store, name string, err error) {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	var o struct {
		Store string `json:"store"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, "", errors.New("store: want text, in an object")
	}
	if o.Store == "" {
		o.Store = Memory
	}
	open, ok := kinds[o.Store]
	if !ok {
		known := slices.Sorted(maps.Keys(kinds))
		err := fmt.Errorf("store: unknown kind %q: want one of %s", o.Store, strings.Join(known, ", "))
		return nil, "", problem.Suggest(err, o.Store, known...)
	}
	s, err = open(raw, env)
	return s, o.Store, err
}
