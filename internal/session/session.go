package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

var (
	// ErrConflict is returned by [Store.Save] when somebody else saved or deleted the session first.
	ErrConflict = errors.New("session: changed by another request meanwhile")
	// ErrFull is returned by a store that is bounded and takes no new sessions; those that it has live on.
	ErrFull = errors.New("session: the store is full")
)

// MaxValue is how long a [Record]'s value may be, in bytes. A session holds the tokens of one login.
const MaxValue = 192 << 10

// maxName is how long the hashes in a record may be.
const maxName = 64

// An ID is the SHA-256 of the random id that the browser's cookie holds.
type ID [32]byte

// NewID returns a random id of 256 bits for a cookie, in URL-safe characters, and its hash.
func NewID() (cookie string, id ID) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	cookie = base64.RawURLEncoding.EncodeToString(b[:])
	return cookie, IDOf(cookie)
}

// IDOf returns the hash of a cookie's id.
func IDOf(cookie string) ID { return sha256.Sum256([]byte(cookie)) }

// String returns the start of id, enough to tell sessions apart in lists and logs, and too little to look one up.
func (id ID) String() string { return hex.EncodeToString(id[:6]) }

// A Record is one session as a store keeps it.
type Record struct {
	ID ID
	// Version counts the saves; 0 is a session that was never saved.
	Version int64
	// Value is sealed with ID as what it is bound to, and at most [MaxValue] long.
	Value string
	// Created is when the login was. Expires is when the store forgets the record; never zero. Both in milliseconds.
	Created, Expires time.Time
	// Provider (the issuer), Subject and SID (the provider's own session id) are what a [Match] looks for; each is a
	// keyed hash, so that the database does not tell who logged in. "" for none.
	Provider, Subject, SID string
}

// A Match names sessions by the hashes in their records. All that is given must match; Subject or SID is required.
type Match struct{ Provider, Subject, SID string }

// Matches reports whether m names r.
func (m Match) Matches(r Record) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return is(m.Provider, r.Provider) && is(m.Subject, r.Subject) && is(m.SID, r.SID)
}

// Check returns an error if m would name everybody's sessions.
func (m Match) Check() error {
	if m.Subject == "" && m.SID == "" {
		return errors.New("session: a match without subject and sid")
	}
	return nil
}

// A Store keeps sessions. Errors are for a store that cannot answer; absence is not an error. Every call ends within a
// few seconds, whatever its context says. It is safe for concurrent use.
type Store interface {
	// Load returns the record of id. An expired or unknown one is ok == false with a nil error.
	Load(ctx context.Context, id ID) (r Record, ok bool, err error)
	// Save writes r if the stored version is r.Version (0: if there is none), and returns the new version; otherwise
	// it returns [ErrConflict]: a session that was deleted meanwhile stays deleted. What it acknowledged survives as
	// far as the store promises. A save whose answer was lost may be repeated with the same record.
	Save(ctx context.Context, r Record) (version int64, err error)
	// Delete removes the record of id; removing an absent one is no error.
	Delete(ctx context.Context, id ID) error
	// DeleteBy removes all records that m names, on all replicas, and returns how many there were.
	DeleteBy(ctx context.Context, m Match) (n int, err error)
	// Once reports whether it is the first, over all replicas, to be called with key before until: a used login state,
	// the jti of a logout token. Keys need not be short. It may be first again once until is over.
	Once(ctx context.Context, key string, until time.Time) (first bool, err error)
	// Lease gives the session to the caller for at most ttl, so that one request refreshes it while the others wait
	// for its version to change. ok == false: somebody else has it. Call release when done; it waits for no answer of a
	// store that is down, and does nothing to the lease of the next holder. A holder that crashed loses it at the end
	// of ttl.
	Lease(ctx context.Context, id ID, ttl time.Duration) (release func(), ok bool, err error)
	// Ready reports whether the store answers.
	Ready(ctx context.Context) error
	// Close gives back what the store holds.
	Close() error
}

// A Lister is a store that other processes share, so that the command line can look at it.
type Lister interface {
	Store
	// All yields the records that live, in no order: those that m names, all of them for a zero Match.
	All(ctx context.Context, m Match) iter.Seq2[Record, error]
}

// A Sweeper is a store that must be told to forget what has expired.
type Sweeper interface {
	// Sweep removes expired records, and returns how many there were.
	Sweep(ctx context.Context) (n int, err error)
}

// Check returns an error if no store can keep r. Stores call it when they save.
func (r Record) Check() error {
	switch {
	case len(r.Value) > MaxValue:
		return fmt.Errorf("session: %d bytes, more than %d", len(r.Value), MaxValue)
	case r.Expires.IsZero():
		return errors.New("session: never expires")
	}
	for _, name := range []string{r.Provider, r.Subject, r.SID} {
		if len(name) > maxName || strings.Contains(name, ":") {
			return errors.New("session: a name that is no hash")
		}
	}
	return nil
}
