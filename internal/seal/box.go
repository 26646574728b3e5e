package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed text is base64url, without padding, of
//
//	version (1 byte) | id of the key (4) | nonce (24) | encrypted: until (8) | audience (16) | plain | tag (16)
//
// and authenticates version, key and bound as well. Until is in milliseconds since 1970, 0 for never. The audience is
// inside, and not what is authenticated beside, so that [Ring.Reseal] can replace the key without knowing it.
const (
	version   = 1
	idSize    = 4
	nonceSize = chacha20poly1305.NonceSizeX
	headSize  = 1 + idSize + nonceSize
	untilSize = 8
	tagSize   = 16
	innerSize = untilSize + tagSize
	minSize   = headSize + innerSize + chacha20poly1305.Overhead

	// maxText is longer than everything that is sealed here: sessions are, with 128 KB of plain text.
	maxText = 192 << 10
)

// encoding is strict: with the check of the length, which newlines change, a text has one spelling.
var encoding = base64.RawURLEncoding.Strict()

type box struct {
	ring     *Ring
	purpose  Purpose
	audience [tagSize]byte
}

// audienceTag stands for an audience, which may be long.
func audienceTag(audience string) [tagSize]byte {
	sum := sha256.Sum256([]byte(audience))
	return [tagSize]byte(sum[:])
}

// Seal implements [Box].
func (b *box) Seal(plain []byte, until time.Time, bound string) string {
	return b.ring.seal(b.purpose, inner{until, b.audience, plain}, bound)
}

// Open implements [Box].
func (b *box) Open(text string, now time.Time, bound string) ([]byte, error) {
	in, _, err := b.ring.open(b.purpose, text, bound)
	switch {
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare(in.audience[:], b.audience[:]) != 1:
		return nil, ErrForged
	case !in.until.IsZero() && !now.Before(in.until):
		return nil, ErrExpired
	}
	return in.plain, nil
}

// Reseal returns what text sealed for purpose p, whatever its audience and end, and the text sealed again by the key
// that seals now, for the same audience and end. The text comes back as it is if that key sealed it. It is for
// administration: a request is for one audience, and has a [Box].
func (r *Ring) Reseal(p Purpose, text, bound string) (sealed string, plain []byte, err error) {
	if err := r.check(p); err != nil {
		return "", nil, err
	}
	in, id, err := r.open(p, text, bound)
	if err != nil {
		return "", nil, err
	}
	s := r.state.Load()
	if s.keys[p].all[0].id == id {
		return text, in.plain, nil
	}
	return sealWith(s.keys[p].all[0], in, bound), in.plain, nil
}

// inner is what is encrypted.
type inner struct {
	until    time.Time
	audience [tagSize]byte
	plain    []byte
}

func (r *Ring) seal(p Purpose, in inner, bound string) string {
	s := r.state.Load()
	k := s.keys[p]
	if k == nil { // the keyring was emptied; what nobody can open is as good as nothing
		return ""
	}
	return sealWith(k.sealer(s, r.now()), in, bound)
}

func sealWith(k key, in inner, bound string) string {
	buf := make([]byte, headSize+innerSize+len(in.plain), minSize+len(in.plain))
	buf[0] = version
	copy(buf[1:], k.id[:])
	_, _ = rand.Read(buf[1+idSize : headSize]) // never fails: crypto/rand ends the process instead
	if !in.until.IsZero() {
		binary.BigEndian.PutUint64(buf[headSize:], uint64(in.until.UnixMilli()))
	}
	copy(buf[headSize+untilSize:], in.audience[:])
	copy(buf[headSize+innerSize:], in.plain)
	sealed := k.aead.Seal(buf[headSize:headSize], buf[1+idSize:headSize], buf[headSize:], beside(buf, bound))
	return encoding.EncodeToString(buf[:headSize+len(sealed)])
}

// open returns what text holds, and the id of the key that sealed it.
func (r *Ring) open(p Purpose, text, bound string) (inner, [idSize]byte, error) {
	var id [idSize]byte
	if len(text) > maxText {
		return inner{}, id, ErrForged
	}
	buf, err := encoding.DecodeString(text)
	if err != nil || len(text) != encoding.EncodedLen(len(buf)) || len(buf) < minSize || buf[0] != version {
		return inner{}, id, ErrForged
	}
	copy(id[:], buf[1:])
	all := r.state.Load().keys[p]
	if all == nil {
		return inner{}, id, ErrKey
	}
	k, ok := all.find(id)
	if !ok {
		return inner{}, id, ErrKey
	}
	plain, err := k.aead.Open(buf[headSize:headSize], buf[1+idSize:headSize], buf[headSize:], beside(buf, bound))
	if err != nil {
		return inner{}, id, ErrForged
	}
	in := inner{audience: [tagSize]byte(plain[untilSize:innerSize]), plain: plain[innerSize:]}
	if ms := binary.BigEndian.Uint64(plain); ms != 0 {
		in.until = time.UnixMilli(int64(ms))
	}
	return in, id, nil
}

// beside is what is authenticated and not encrypted.
func beside(head []byte, bound string) []byte {
	out := make([]byte, 0, 1+idSize+len(bound))
	return append(append(out, head[:1+idSize]...), bound...)
}

type index struct{ ring *Ring }

// Hash implements [Index].
func (x index) Hash(text string) string {
	s := x.ring.state.Load()
	k := s.keys[Session]
	if text == "" || k == nil {
		return ""
	}
	return hash(k.sealer(s, x.ring.now()), text)
}

// Hashes implements [Index].
func (x index) Hashes(text string) []string {
	k := x.ring.state.Load().keys[Session]
	if k == nil {
		return nil
	}
	out := make([]string, len(k.all))
	if text == "" {
		return out
	}
	for i := range k.all {
		out[i] = hash(k.all[i], text)
	}
	return out
}

func hash(k key, text string) string {
	mac := hmac.New(sha256.New, k.index)
	mac.Write([]byte(text))
	return encoding.EncodeToString(mac.Sum(nil)[:16])
}
