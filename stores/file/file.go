// Package file is the store that keeps config tokens in a file: JSON or YAML, an object of ids and tokens.
//
// The file is read once and again when it changes, so that a lookup costs no I/O. The new content is used whole or not
// at all: a half-written or broken file leaves the last good one in force. A file that is removed or cannot be read
// denies, because an operator who takes it away means it.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"github.com/easgate/easgate/internal/watch"
	"github.com/easgate/easgate/stores"
)

// Config is the options of a store with the adapter "file".
type Config struct {
	// Path is the file.
	Path string `json:"path"`
	// The cache options are taken and have no use: a change is seen at once.
	stores.CacheOptions
}

type store struct {
	path    string
	log     *slog.Logger
	loader  watch.Loader // else New's look at the file could replace a later one
	content atomic.Pointer[content]
	stop    context.CancelFunc
}

type content struct {
	tokens stores.Tokens
	loaded bool
	// err says why this is not what the file holds now.
	err error
}

// New opens the store. A file that is missing or broken is an error of each lookup until it is there and whole.
func New(c Config, env stores.Env) (stores.Store, error) {
	if c.Path == "" {
		return nil, errors.New("path: required")
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &store{path: c.Path, log: env.Log, stop: stop}
	s.content.Store(&content{})
	err := watch.File(ctx, c.Path, env.Log, s.load)
	if err != nil { // nobody will tell when it gets better
		stop()
		return nil, fmt.Errorf("path: %w", err)
	}
	s.load()
	return s, nil
}

func (s *store) load() {
	_ = s.loader.Load(s.keep, s.path)
}

// keep has lookups answer from what [watch.Read] returned; it knows what to do with an error.
func (s *store) keep(contents [][]byte, err error) error {
	next := s.next(contents, err)
	last := s.content.Swap(next)
	switch {
	case next.err == nil:
		if err := next.tokens.Unusable(); err != nil {
			s.log.Warn("store: unusable config tokens", "path", s.path, "error", err)
		}
	case last.err == nil || last.err.Error() != next.err.Error():
		s.log.Error("store: file not loaded", "path", s.path, "last_content_in_force", next.loaded, "error", next.err)
	}
	return next.err
}

func (s *store) next(contents [][]byte, err error) *content {
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return &content{err: fmt.Errorf("%s: %w", s.path, err)}
	}
	tokens, err := stores.ParseTokens(contents[0])
	if err != nil {
		last := s.content.Load()
		return &content{last.tokens, last.loaded, fmt.Errorf("%s: %w", s.path, err)}
	}
	return &content{tokens: tokens, loaded: true}
}

// Lookup reads what the file held when it was last whole.
func (s *store) Lookup(_ context.Context, id string) (string, bool, error) {
	c := s.content.Load()
	if !c.loaded {
		return "", false, c.err
	}
	return c.tokens.Lookup(id)
}

// Ready reports whether there is content to answer from.
func (s *store) Ready(context.Context) error {
	if c := s.content.Load(); !c.loaded {
		return c.err
	}
	return nil
}

// Loaded reports what keeps the file's present content from being in force, and unusable tokens in it.
func (s *store) Loaded() error {
	c := s.content.Load()
	if c.err != nil {
		return c.err
	}
	return c.tokens.Unusable()
}

// Close ends the watching.
func (s *store) Close() error {
	s.stop()
	return nil
}
