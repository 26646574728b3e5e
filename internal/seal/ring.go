package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Grace is how long a [Ring] goes on sealing with the key before, after a new one was put first: until then, every
// replica has read the new keyring and can open what the new key seals.
const Grace = 3 * time.Minute

// Secrets are what the keys of one purpose are made of.
type Secrets struct {
	// Setting is named when there are no secrets: "EAS_SESSION_ENCRYPT_SECRET".
	Setting string
	// Current seals; nil leaves that to the keyring.
	Current []byte
	// Older open what they sealed while they were current.
	Older [][]byte
}

// A Ring holds the keys of every purpose. It is safe for concurrent use, and printing it shows nothing.
type Ring struct {
	secrets map[Purpose]Secrets
	now     func() time.Time
	state   atomic.Pointer[state]
}

// state is what a Ring makes of its secrets and one keyring.
type state struct {
	keys map[Purpose]*keys
	// keyring are the secrets that come from there.
	keyring [][]byte
	// settled is when the first keys begin to seal.
	settled time.Time
}

// keys are those of one purpose, in the order in which they seal.
type keys struct {
	all []key
	// before seals until the state is settled.
	before key
}

// A key opens and seals for one purpose.
type key struct {
	id    [idSize]byte
	aead  cipher.AEAD
	index []byte // the key of keyed hashes
}

// New returns a ring of secrets, and of those that the keyring of config tokens has for this: keyring, the newest
// first. A purpose without secrets of its own is sealed with the keyring's first; all open.
func New(secrets map[Purpose]Secrets, keyring [][]byte, now func() time.Time) *Ring {
	r := &Ring{secrets: secrets, now: now}
	r.state.Store(r.derive(keyring))
	return r
}

// Rekey replaces what came from the keyring. A new first key seals after [Grace], if the one before is still there.
func (r *Ring) Rekey(keyring [][]byte) {
	old, next := r.state.Load(), r.derive(keyring)
	if slices.EqualFunc(old.keyring, keyring, bytes.Equal) {
		return
	}
	now := r.now()
	next.settled = now.Add(Grace)
	for p, k := range next.keys {
		was := old.keys[p]
		if was == nil {
			continue
		}
		if before, ok := k.find(was.sealer(old, now).id); ok {
			k.before = before
		}
	}
	r.state.Store(next)
}

func (r *Ring) derive(keyring [][]byte) *state {
	s := &state{keys: map[Purpose]*keys{}, keyring: keyring}
	for _, p := range []Purpose{State, Cookie, Session, CSRF} {
		own := r.secrets[p]
		k := &keys{}
		if len(own.Current) > 0 {
			k.add(p, own.Current)
		}
		k.add(p, keyring...)
		if len(k.all) == 0 { // an older secret opens, and never seals
			continue
		}
		k.add(p, own.Older...)
		k.before = k.all[0]
		s.keys[p] = k
	}
	return s
}

func (k *keys) add(p Purpose, secrets ...[]byte) {
	for _, secret := range secrets {
		next := newKey(p, secret)
		if _, ok := k.find(next.id); !ok {
			k.all = append(k.all, next)
		}
	}
}

func newKey(p Purpose, secret []byte) key {
	derive := func(use string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, nil, "easgate seal 1 "+string(p)+" "+use, n)
		if err != nil {
			panic(err) // only for a length that SHA-256 cannot make
		}
		return out
	}
	aead, err := chacha20poly1305.NewX(derive("key", chacha20poly1305.KeySize))
	if err != nil {
		panic(err) // only for a key of another size
	}
	return key{id: [idSize]byte(derive("id", idSize)), aead: aead, index: derive("index", sha256.Size)}
}

func (k *keys) find(id [idSize]byte) (key, bool) {
	for i := range k.all {
		if k.all[i].id == id {
			return k.all[i], true
		}
	}
	return key{}, false
}

// sealer is the key that seals now.
func (k *keys) sealer(s *state, now time.Time) key {
	if now.Before(s.settled) {
		return k.before
	}
	return k.all[0]
}

// For implements [Keys].
func (r *Ring) For(p Purpose, audience string) (Box, error) {
	if err := r.check(p); err != nil {
		return nil, err
	}
	return &box{r, p, audienceTag(audience)}, nil
}

// Index implements [Keys].
func (r *Ring) Index() (Index, error) {
	if err := r.check(Session); err != nil {
		return nil, err
	}
	return index{r}, nil
}

func (r *Ring) check(p Purpose) error {
	if r.state.Load().keys[p] == nil {
		return fmt.Errorf("%s: there is no secret: set %s, or EAS_KEYRING_FILE", p, r.secrets[p].Setting)
	}
	return nil
}

// Format keeps fmt from printing the keys, whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("seal.Ring")) }
