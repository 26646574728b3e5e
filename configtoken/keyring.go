package configtoken

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
)

// A Keyring holds the keys of the native format: one or more random 256-bit keys, of which the first seals and all
// open, and perhaps Ed25519 keys, of which the first signs and all verify. Keyrings are immutable.
//
// Where issuing and serving are different people, the issuer's keyring holds a signing key pair, and the server's
// ([Keyring.Public]) its public half: the server opens what the issuer made and cannot make any itself.
//
// Printing a Keyring shows the ids of its keys and never the keys.
type Keyring struct {
	seal []sealKey
	sign []signKey
}

// sealKey is a JWK of type oct (RFC 7518 §6.4) for A256GCM.
type sealKey struct {
	id     string
	secret []byte // 32 bytes
}

// signKey is a JWK of type OKP on Ed25519 (RFC 8037 §2).
type signKey struct {
	id      string
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil where only the public half is known
}

// KeyUse is what a keyring does with a key.
type KeyUse string

const (
	Seals    KeyUse = "seals"    // new tokens, and opens
	Opens    KeyUse = "opens"    // older tokens
	Signs    KeyUse = "signs"    // new tokens, and verifies
	Verifies KeyUse = "verifies" // tokens signed by the private half
)

// KeyInfo is what may be told about a key.
type KeyInfo struct {
	ID  string `json:"kid"`
	Use KeyUse `json:"use"`
}

// NewKeyring returns a keyring with one random key.
func NewKeyring() (*Keyring, error) {
	return new(Keyring).Rotate()
}

// Rotate returns a keyring with a new random key first and all keys of k after it. A keyring that signs gets a new
// signing key too; of the old one it keeps the public half, for nothing is signed with it any more.
//
// A server must have the new keyring before the first token is sealed with it.
func (k *Keyring) Rotate() (*Keyring, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	next := &Keyring{seal: slices.Concat([]sealKey{{id: k.newID(), secret: secret}}, k.seal), sign: k.sign}
	if !k.signs() {
		return next, nil
	}
	return next.WithSigning()
}

// WithSigning returns a keyring with the keys of k and a new key pair that signs.
func (k *Keyring) WithSigning() (*Keyring, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	pair := signKey{id: k.newID(), public: public, private: private}
	return &Keyring{seal: k.seal, sign: slices.Concat([]signKey{pair}, k.Public().sign)}, nil
}

// Without returns a keyring with the keys of k but the one called id: what that one sealed or signed no longer opens.
// The keys that seal and sign new tokens cannot be taken out; [Keyring.Rotate] first.
func (k *Keyring) Without(id string) (*Keyring, error) {
	keys := k.Keys()
	i := slices.IndexFunc(keys, func(i KeyInfo) bool { return i.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("keyring: no key %q", id)
	}
	if use := keys[i].Use; use == Seals || use == Signs {
		return nil, fmt.Errorf("keyring: key %q %s new tokens", id, use)
	}
	return &Keyring{
		seal: slices.DeleteFunc(slices.Clone(k.seal), func(s sealKey) bool { return s.id == id }),
		sign: slices.DeleteFunc(slices.Clone(k.sign), func(s signKey) bool { return s.id == id }),
	}, nil
}

// Public returns the server's part of k: the keys that open, and of signing keys the public half.
func (k *Keyring) Public() *Keyring {
	server := &Keyring{seal: k.seal}
	for _, s := range k.sign {
		server.sign = append(server.sign, signKey{id: s.id, public: s.public})
	}
	return server
}

// Keys lists what k holds, in order: sealing keys, then signing keys.
func (k *Keyring) Keys() []KeyInfo {
	var infos []KeyInfo
	for i, s := range k.seal {
		use := Opens
		if i == 0 {
			use = Seals
		}
		infos = append(infos, KeyInfo{s.id, use})
	}
	for i, s := range k.sign {
		use := Verifies
		if i == 0 && s.private != nil {
			use = Signs
		}
		infos = append(infos, KeyInfo{s.id, use})
	}
	return infos
}

// Format prints the ids alone, whatever the verb: keyrings end up in logs and test failures.
func (k *Keyring) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, "keyring", k.Keys())
}

func (k *Keyring) signs() bool { return len(k.sign) > 0 && k.sign[0].private != nil }

// secret returns the key called id, nil when there is none.
func (k *Keyring) secret(id string) []byte {
	for _, s := range k.seal {
		if s.id == id {
			return s.secret
		}
	}
	return nil
}

// verifier returns the public key called id, nil when there is none.
func (k *Keyring) verifier(id string) ed25519.PublicKey {
	for _, s := range k.sign {
		if s.id == id {
			return s.public
		}
	}
	return nil
}

// newID returns a key id that k does not know: short, because every token carries it, and nothing that a command line
// takes for an option.
func (k *Keyring) newID() string {
	for {
		var b [3]byte
		_, _ = rand.Read(b[:])
		id := base64.RawURLEncoding.EncodeToString(b[:])
		if id[0] != '-' && k.secret(id) == nil && k.verifier(id) == nil {
			return id
		}
	}
}

// equal reports whether k and o do the same with the same keys.
func (k *Keyring) equal(o *Keyring) bool {
	return slices.EqualFunc(k.seal, o.seal, func(a, b sealKey) bool {
		return a.id == b.id && subtle.ConstantTimeCompare(a.secret, b.secret) == 1
	}) && slices.EqualFunc(k.sign, o.sign, func(a, b signKey) bool {
		return a.id == b.id && a.public.Equal(b.public) && (a.private == nil) == (b.private == nil)
	})
}

// Derive returns a secret of 32 bytes made from each of the sealing keys, in their order, by HKDF-SHA256 (RFC 5869),
// for another use than config tokens: label names it, and no label's secrets tell anything of another's or of the keys.
func (k *Keyring) Derive(label string) ([][]byte, error) {
	var all [][]byte
	for _, s := range k.seal {
		secret, err := hkdf.Key(sha256.New, s.secret, nil, "easgate keyring 1 "+label, 32)
		if err != nil {
			return nil, fmt.Errorf("keyring: %w", err)
		}
		all = append(all, secret)
	}
	return all, nil
}
