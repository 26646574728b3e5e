package session

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/easgate/easgate/internal/seal"
)

// Resealed says what [Reseal] did.
type Resealed struct {
	// Sealed were sealed again by the newest key, Current are sealed by it already, and Lost do not open with any key.
	Sealed, Current, Lost int
}

// Reseal seals every session in s by the newest key of ring, and hashes its names with it, so that older keys can be
// taken out. Sessions that are saved meanwhile are left to whoever saves them.
func Reseal(ctx context.Context, s Lister, ring *seal.Ring) (done Resealed, err error) {
	index, err := ring.Index()
	if err != nil {
		return done, err
	}
	for r, err := range s.All(ctx, Match{}) {
		if err != nil {
			return done, err
		}
		sealed, names, err := unseal(r, ring)
		if err != nil {
			done.Lost++
			continue
		}
		next := record(index, names)
		if sealed == r.Value && next.Provider == r.Provider && next.Subject == r.Subject && next.SID == r.SID {
			done.Current++
			continue
		}
		next.ID, next.Version, next.Created, next.Expires, next.Value = r.ID, r.Version, r.Created, r.Expires, sealed
		if _, err := s.Save(ctx, next); err != nil && !errors.Is(err, ErrConflict) {
			return done, err
		}
		done.Sealed++
	}
	return done, nil
}

// NamesOf returns whose session r is, for administration.
func NamesOf(r Record, ring *seal.Ring) (Names, error) {
	_, names, err := unseal(r, ring)
	return names, err
}

// unseal returns r's value, sealed by the newest key, and whose session it is.
func unseal(r Record, ring *seal.Ring) (sealed string, n Names, err error) {
	sealed, plain, err := ring.Reseal(seal.Session, r.Value, string(r.ID[:]))
	if err != nil {
		return "", n, err
	}
	var b body[json.RawMessage]
	if err := json.Unmarshal(plain, &b); err != nil {
		return "", n, errors.New("session: of another version of easgate")
	}
	return sealed, b.Names, nil
}
