package stores

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/easgate/easgate/internal/problem"
)

// A Set holds stores under the ids that config tokens and verify URLs name them by.
type Set struct {
	stores map[string]Store
}

// Store returns the store of that id. One that could not be opened is there too: its lookups fail.
func (s *Set) Store(id string) (Store, bool) {
	store, ok := s.stores[id]
	return store, ok
}

// IDs returns the ids of all stores, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.stores)) }

// A holder is a store that holds its content itself; Loaded says what is wrong with it.
type holder interface {
	Loaded() error
}

// Check returns what is wrong as far as it can be known without asking a database, one error for each store,
// in the order of their ids: stores that could not be opened, files that cannot be read.
func (s *Set) Check() []error {
	var errs []error
	for _, id := range s.IDs() {
		var err error
		switch store := s.stores[id].(type) {
		case broken:
			err = store.err
		case holder:
			err = store.Loaded()
		}
		if err != nil {
			errs = append(errs, problem.Prefix(fmt.Sprintf("store %q", id), err))
		}
	}
	return errs
}

// Ready asks all stores at once, and returns what keeps them from answering, one line for each store.
func (s *Set) Ready(ctx context.Context) error {
	ids := s.IDs()
	errs := make([]error, len(ids))
	done := make(chan struct{})
	for i, id := range ids {
		go func() {
			if err := s.stores[id].Ready(ctx); err != nil {
				errs[i] = fmt.Errorf("store %q: %w", id, err)
			}
			done <- struct{}{}
		}()
	}
	for range ids {
		<-done
	}
	return errors.Join(errs...)
}

// Close closes all stores.
func (s *Set) Close() error {
	var errs []error
	for _, id := range s.IDs() {
		if err := s.stores[id].Close(); err != nil {
			errs = append(errs, fmt.Errorf("store %q: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// broken stands for a store that could not be opened.
type broken struct{ err error }

func (b broken) Lookup(context.Context, string) (string, bool, error) { return "", false, b.err }
func (b broken) Ready(context.Context) error                          { return b.err }
func (b broken) Close() error                                         { return nil }
