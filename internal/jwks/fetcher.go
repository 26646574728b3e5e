package jwks

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net/http"
	"time"

	"github.com/easgate/easgate/internal/fetch"
)

// A Fetcher is what key sets are fetched with.
type Fetcher struct {
	// HTTP may be nil; see [fetch.Options].
	HTTP *http.Client
	Now  func() time.Time
	// Log is told once per document which of its keys are not used, and why; nil drops it.
	Log *slog.Logger
	// Strict leaves out RSA keys under 2048 bits (RFC 7518 §3.3), which are used with a warning otherwise.
	Strict bool
	// Called is told how each fetch went; nil drops it.
	Called func(took time.Duration, err error)
}

// Set returns the key set behind rawURL; parse is [ParseJWKS] or [ParseCertificates].
// As long as the document stays the same, so does the set.
func (f Fetcher) Set(rawURL string,
	parse func(text []byte, strict bool) (*Set, error)) (d *fetch.Document[*Set], err error) {
	d, err = fetch.URL(rawURL, f.options(), f.versioned(
		func() string { return d.Address() },
		func(text []byte) (*Set, error) { return parse(text, f.Strict) }))
	return d, err
}

// File returns the keys in the file at path, an absolute one of this machine, which is looked at once a minute.
func (f Fetcher) File(path string, parse func(text []byte) (*Set, error)) (d *fetch.Document[*Set], err error) {
	d, err = fetch.File(path, f.options(), f.versioned(func() string { return d.Address() }, parse))
	return d, err
}

func (f Fetcher) options() fetch.Options {
	// The Kubernetes API answers 406 to whoever does not name its type (RFC 7517 §8.5.2).
	const accept = "application/jwk-set+json, application/json"
	return fetch.Options{Client: f.HTTP, Now: f.Now, Accept: accept, Called: f.Called}
}

// versioned returns parse for a document that stays the same most of the time: so does its set, and the log is told
// once.
func (f Fetcher) versioned(address func() string, parse func([]byte) (*Set, error)) func([]byte) (*Set, error) {
	var last *Set
	var told uint64 // the version of the document that the log was told of
	return func(text []byte) (*Set, error) {
		sum := sha256.Sum256(text)
		version := binary.BigEndian.Uint64(sum[:])
		if last != nil && last.Version == version {
			return last, nil
		}
		s, err := parse(text)
		if s != nil && told != version {
			told = version
			s.tell(f.Log, address())
		}
		if err != nil {
			return nil, err
		}
		s.Version = version
		last = s
		return s, nil
	}
}
