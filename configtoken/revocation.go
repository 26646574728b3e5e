package configtoken

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/watch"
)

// Revocations is the set of token ids (jti) that are not let in any more: some given once at the start, some in a file
// that changes while the service runs. It is safe for concurrent use, and its zero value revokes nothing.
type Revocations struct {
	given  map[string]struct{}
	file   atomic.Pointer[map[string]struct{}]
	loader watch.Loader
}

// NewRevocations returns a set of the ids in list (see [ParseRevocations]), such as the value of EAS_REVOKED_JTIS;
// "" is no list.
func NewRevocations(list string) (*Revocations, error) {
	r := new(Revocations)
	if list == "" {
		return r, nil
	}
	var err error
	r.given, err = ParseRevocations([]byte(list))
	return r, err
}

// Revoked reports whether id is in the set. A token without an id ("") cannot be revoked.
// A number and the string of its digits are one id.
func (r *Revocations) Revoked(id string) bool {
	if id == "" {
		return false
	}
	if _, ok := r.given[id]; ok {
		return true
	}
	if file := r.file.Load(); file != nil {
		_, ok := (*file)[id]
		return ok
	}
	return false
}

// Load replaces the ids from a file by those in the one at path. On an error the ids in use stay.
// It is what SIGHUP and a change of the file call.
//
// Calls follow each other: an older, slower one never undoes a later one. Write the file anew and rename it: a YAML
// list that is read half-written is a shorter list.
func (r *Revocations) Load(path string) error {
	return r.loader.Load(func(contents [][]byte, err error) error {
		if err != nil {
			return fmt.Errorf("revocations: %w", err)
		}
		ids, err := ParseRevocations(contents[0])
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r.file.Store(&ids)
		return nil
	}, path)
}

// ParseRevocations reads a JSON or YAML list of strings and numbers. Empty text is not a list: it is what a file holds
// while it is being written, and would let everybody in again. The list of nothing is [].
func ParseRevocations(data []byte) (map[string]struct{}, error) {
	raw, err := document.ConvertLoosely(data)
	var list []json.RawMessage
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil, errors.New("revocations: not a JSON or YAML list")
	}
	if list == nil {
		return nil, errors.New("revocations: empty: write [] to revoke nothing")
	}
	ids := make(map[string]struct{}, len(list))
	for i, v := range list {
		id, err := text(v) // as a token's own
		if err != nil || id == "" {
			return nil, fmt.Errorf("revocations: [%d]: want a string or a number that is not empty", i)
		}
		ids[id] = struct{}{}
	}
	return ids, nil
}
