package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/easgate/easgate/internal/jws"
)

// A Set is some keys. It does not change.
type Set struct {
	keys []*Key
	// Version tells sets from a URL apart: it is a hash of the document. Sets that never change have 0.
	Version uint64
	// Warnings say what is odd about keys that are used.
	Warnings []string

	// static says that the set is from a configuration, where a key without an id is meant for every token.
	static bool
	// strict leaves out what is otherwise warned of.
	strict bool
	// left says which keys of the document are not used, and why: the first few of n, of which m are meant for
	// something else than signatures.
	left struct {
		out  []string
		n, m int
	}
}

// maxTold is how many keys of a document are told apart in the log.
const maxTold = 16

// add adds a key, called label in what is said about it. private says that it came with its private half.
func (s *Set) add(label string, k *Key, private bool) {
	if short := k.short(); short != "" {
		if s.strict {
			s.leave(label, errors.New(short))
			return
		}
		s.warn(label, short)
	}
	if private {
		s.warn(label, publicHalf)
	}
	s.keys = append(s.keys, k)
}

func (s *Set) leave(label string, why error) {
	s.left.n++
	if errors.Is(why, errNotForSigning) {
		s.left.m++
	}
	if len(s.left.out) < maxTold {
		s.left.out = append(s.left.out, label+": "+why.Error())
	}
}

func (s *Set) warn(label, what string) {
	if len(s.Warnings) < maxTold {
		s.Warnings = append(s.Warnings, label+": "+what)
	}
}

// tell tells log what is odd about the document at address. Keys for something else than signatures are no news.
func (s *Set) tell(log *slog.Logger, address string) {
	if log == nil || s.left.n+len(s.Warnings) == 0 {
		return
	}
	level := slog.LevelWarn
	if len(s.keys) > 0 && s.left.n == s.left.m && len(s.Warnings) == 0 {
		level = slog.LevelDebug
	}
	log.Log(context.Background(), level, "key set: keys that are left out, or odd",
		"url", address, "used", len(s.keys), "left_out", s.left.n, "keys", slices.Concat(s.left.out, s.Warnings))
}

// usable returns s, or the error of a document without a key that could verify anything.
func (s *Set) usable() (*Set, error) {
	switch {
	case len(s.keys) > 0:
		return s, nil
	case s.left.n == 0:
		return s, ErrNoSigningKeys
	}
	return s, fmt.Errorf("%w: %s", ErrNoSigningKeys, s.LeftOut())
}

// LeftOut says how many keys of the document are unusable, for whoever misses one; "" if none is.
func (s *Set) LeftOut() string {
	n := s.left.n
	if len(s.keys) > 0 {
		n -= s.left.m
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d left out, see the warning", n)
}

// Len returns the number of keys.
func (s *Set) Len() int { return len(s.keys) }

// All returns the keys. Do not change the slice.
func (s *Set) All() []*Key { return s.keys }

// ByID reports whether a token's kid chooses among the keys, which it does unless a configuration gives one without an
// id.
func (s *Set) ByID() bool { return !s.static || len(s.keys) != 1 || s.keys[0].ID != "" }

// Find returns the key called id that suits alg; if there is none, a key called id; if there is none either, nil. In a
// set from a configuration a key without an id is called everything that no other is.
func (s *Set) Find(id, alg string) *Key {
	if k := s.find(id, alg); k != nil || !s.static {
		return k
	}
	return s.find("", alg)
}

func (s *Set) find(id, alg string) *Key {
	var found *Key
	for _, k := range s.keys {
		if k.ID == id {
			if k.Suits(alg) {
				return k
			}
			if found == nil {
				found = k
			}
		}
	}
	return found
}

// maxTwins is how many keys of one id are tried.
const maxTwins = 8

// Verify reports whether c is signed, with the algorithm alg, by k or another key of the set that has its id. Some
// providers call the old key and the new one by one name.
func (s *Set) Verify(k *Key, alg string, c *jws.Compact) bool {
	if k.Verify(alg, c) {
		return true
	}
	twins := 0
	for _, other := range s.keys {
		if other == k || other.ID != k.ID || !other.Suits(alg) {
			continue
		}
		if twins++; twins == maxTwins {
			return false
		}
		if other.Verify(alg, c) {
			return true
		}
	}
	return false
}

// Get returns s: a set that is given once and for all is a source of sets, as a [fetch.Document] is.
func (s *Set) Get(context.Context) (*Set, error) { return s, nil }

// Refetch returns s.
func (s *Set) Refetch(context.Context) (*Set, error) { return s, nil }
