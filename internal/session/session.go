// Package session keeps the logins of browsers on the server. A store holds sealed values under hashed ids: who reads
// the database learns neither a token nor a cookie that would be one.
package session

import (
	"context"
	"errors"
	"time"
)

// ErrConflict is returned by [Store.Save] when somebody else saved the session first.
var ErrConflict = errors.New("session: saved by another request meanwhile")

// An ID is the SHA-256 of the random id that the browser's cookie holds.
type ID [32]byte

// A Record is one session as a store keeps it.
type Record struct {
	ID ID
	// Version counts the saves; 0 is a session that was never saved.
	Version int64
	// Value is sealed with ID as what it is bound to.
	Value string
	// Expires is when the store forgets the record. Never zero.
	Expires time.Time
	// Provider (the issuer), Subject and SID (the provider's own session id) are what [Store.DeleteBy] looks for;
	// each is a keyed hash, so that the database does not tell who logged in. "" for none.
	Provider, Subject, SID string
}

// A Match names sessions by what their provider knows of them. Provider is required, and one of the others;
// both must match where both are given.
type Match struct{ Provider, Subject, SID string }

// A Store keeps sessions. Errors are for a store that cannot answer; absence is not an error.
// It is safe for concurrent use.
type Store interface {
	// Load returns the record of id. An expired or unknown one is ok == false with a nil error.
	Load(ctx context.Context, id ID) (r Record, ok bool, err error)
	// Save writes r if the stored version is r.Version (0: if there is none), and returns the new version; otherwise
	// it returns [ErrConflict]. What it acknowledged survives as far as the store promises.
	Save(ctx context.Context, r Record) (version int64, err error)
	// Delete removes the record of id; removing an absent one is no error.
	Delete(ctx context.Context, id ID) error
	// DeleteBy removes all records that m names, on all replicas, and returns how many there were.
	DeleteBy(ctx context.Context, m Match) (n int, err error)
	// Once reports whether it is the first, over all replicas, to be called with key before until: a used login state,
	// the jti of a logout token.
	Once(ctx context.Context, key string, until time.Time) (first bool, err error)
	// Lease gives the session to the caller for at most ttl, so that one request refreshes it while the others wait
	// for its version to change. ok == false: somebody else has it. Call release when done; a holder that crashed
	// loses it at the end of ttl.
	Lease(ctx context.Context, id ID, ttl time.Duration) (release func(), ok bool, err error)
	// Close gives back what the store holds.
	Close() error
}
