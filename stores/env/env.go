// Package env is the store that keeps config tokens in an environment variable: JSON or YAML, an object of ids and
// tokens, as in a file. It is read once, because a process's environment does not change.
package env

import (
	"context"
	"errors"
	"fmt"

	"github.com/easgate/easgate/stores"
)

// Config is the options of a store with the adapter "env".
type Config struct {
	// Var is the name of the variable.
	Var string `json:"var"`
	// The cache options are taken and have no use.
	stores.CacheOptions
}

type store struct{ tokens stores.Tokens }

// New opens the store. A variable that is missing or broken is an error.
func New(c Config, env stores.Env) (stores.Store, error) {
	if c.Var == "" {
		return nil, errors.New("var: required")
	}
	text, ok := env.LookupEnv(c.Var)
	if !ok {
		return nil, fmt.Errorf("var: %s is not set", c.Var)
	}
	tokens, err := stores.ParseTokens([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("var: %s: %w", c.Var, err)
	}
	if err := tokens.Unusable(); err != nil {
		env.Log.Warn("store: unusable config tokens", "var", c.Var, "error", err)
	}
	return store{tokens}, nil
}

func (s store) Lookup(_ context.Context, id string) (string, bool, error) { return s.tokens.Lookup(id) }
func (s store) Loaded() error                                             { return s.tokens.Unusable() }
func (s store) Ready(context.Context) error                               { return nil }
func (s store) Close() error                                              { return nil }
