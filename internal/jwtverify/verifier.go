package jwtverify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jws"
	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/internal/query"
)

const (
	// maxRemembered is how many bytes one verifier remembers of signatures that were right.
	maxRemembered = 4 << 20
	// maxReflected is how many bytes of a key id a refusal repeats.
	maxReflected = 128
)

// Keys is where keys come from: a [jwks.Set], or a [fetch.Document] one.
type Keys interface {
	// Get returns the current keys. The error is a failure of ours.
	Get(ctx context.Context) (*jwks.Set, error)
	// Refetch is Get for a key that should be there and is not.
	Refetch(ctx context.Context) (*jwks.Set, error)
}

// A Verifier verifies tokens as jsonwebtoken does, with these differences: there is no unsigned token; a key verifies
// nothing but the algorithms of its own type; a token with critical extensions is refused (RFC 7515 §4.1.11); base64url
// must be canonical. A signature that was right is remembered until the keys change; claims are checked every time.
// It is safe for concurrent use.
type Verifier struct {
	keys  Keys
	o     Options
	now   func() time.Time
	never *Error

	signatures *memo.Memory[jws.Hash, *Token]
	// header is the last header that was decoded: most tokens of one issuer share theirs.
	header atomic.Pointer[decoded]
}

type decoded struct {
	encoded string
	header  jws.Header
}

// NewVerifier returns a verifier of tokens that keys sign.
func NewVerifier(keys Keys, o Options, now func() time.Time) *Verifier {
	return &Verifier{
		keys: keys, o: o, now: now, never: o.refusal(),
		signatures: memo.New(memo.Options[jws.Hash, *Token]{Bytes: maxRemembered}),
	}
}

// With returns a verifier of what the same keys signed to say something else.
func (v *Verifier) With(o Options) *Verifier { return NewVerifier(v.keys, o, v.now) }

// NoKey returns a verifier that refuses every signed token with e, for a configuration without a usable key.
func NoKey(e *Error, o Options, now func() time.Time) *Verifier {
	return NewVerifier(noKey{e}, o, now)
}

type noKey struct{ err *Error }

func (n noKey) Get(context.Context) (*jwks.Set, error)     { return nil, n.err }
func (n noKey) Refetch(context.Context) (*jwks.Set, error) { return nil, n.err }

// A Token is a token whose signature is right. Requests share it: do not change what it holds.
type Token struct {
	// Claims are the members of the payload; empty when that is no object.
	Claims map[string]any
	// Identity is whom the claims are about.
	Identity identity.Identity

	version uint64 // of the keys
	payload []byte
	jwt     bool // typ is JWT
	// header and signature, encoded, are kept for the option complete only.
	header, signature string

	once    sync.Once
	view    query.Value
	viewErr error
}

// Verify verifies token. An [*Error] says why it is refused; any other error is a failure of ours.
func (v *Verifier) Verify(ctx context.Context, token string) (*Token, error) {
	if v.never != nil {
		return nil, v.never
	}
	if token == "" {
		return nil, &Error{Name: Invalid, Message: "jwt must be provided"}
	}
	if len(token) > jws.MaxToken {
		return nil, malformed(token)
	}
	h := jws.HashOf(token)
	if t, ok := v.signatures.Get(h); ok {
		set, err := v.keys.Get(ctx)
		if err != nil {
			return nil, keyError(err)
		}
		if t.version == set.Version {
			return v.claims(ctx, t)
		}
	}
	t, err := v.signature(ctx, token)
	if err != nil {
		return nil, err
	}
	if _, err := v.claims(ctx, t); err != nil {
		return nil, err
	}
	bytes := 512 + 12*len(t.payload) + len(t.header) + len(t.signature)
	v.signatures.Put(h, memo.Entry[*Token]{Value: t, Bytes: bytes, TTL: memo.Forever})
	return t, nil
}

func (v *Verifier) claims(ctx context.Context, t *Token) (*Token, error) {
	if e := v.o.check(ctx, t.Claims, v.now()); e != nil {
		return nil, e
	}
	return t, nil
}

func malformed(token string) *Error  { return &Error{Invalid, "jwt malformed", parts(token)} }
func invalidToken(why string) *Error { return &Error{Invalid, "invalid token", why} }

// signature takes token apart, finds the key and checks the signature. What is cheap to refuse is refused first:
// nothing is decoded of what is no JWS, and no key is looked for when no key could help.
func (v *Verifier) signature(ctx context.Context, token string) (*Token, error) {
	c, err := jws.Split(token)
	switch {
	case errors.Is(err, jws.ErrMalformed):
		return nil, malformed(token)
	case err != nil:
		return nil, invalidToken("a part is empty or not base64url")
	}
	header, err := v.decodeHeader(c.Header)
	if err != nil {
		return nil, invalidToken("the header is not a JSON object")
	}
	if header.Critical {
		return nil, invalidToken("crit in the header: an extension that is not known here")
	}
	if c.Signature == "" {
		return nil, &Error{Invalid, "jwt signature is required", has("alg", header.Algorithm) + ", and no signature"}
	}
	if !slices.Contains(algorithms, header.Algorithm) || v.o.Algorithms.Set &&
		!slices.Contains(v.o.Algorithms.List, header.Algorithm) {
		return nil, v.invalidAlgorithm(header.Algorithm, nil)
	}
	set, key, err := v.key(ctx, &header, &c)
	if err != nil {
		return nil, err
	}
	if e := v.suits(key, header.Algorithm); e != nil {
		return nil, e
	}
	if !set.Verify(key, header.Algorithm, &c) {
		why := has("alg", header.Algorithm) + ", not signed by " + key.String() + from(&c)
		return nil, &Error{Invalid, "invalid signature", why}
	}
	t := &Token{version: set.Version, jwt: header.JWT}
	if v.o.Complete {
		// Cloned, because token may be a part of something larger.
		t.header, t.signature = strings.Clone(c.Header), strings.Clone(c.Signature)
	}
	if t.payload, err = c.DecodePayload(); err != nil || !t.decode() {
		return nil, invalidToken("the payload is not JSON")
	}
	if v.o.Native && t.Claims == nil {
		return nil, invalidToken("the payload is not a JSON object") // RFC 7519 §7.2: without claims it would never expire
	}
	t.Identity = identify(t.Claims)
	if v.o.Native && rounded(t.Claims) {
		if exact, err := query.Parse(t.payload, true); err == nil {
			t.Identity.Claims, _ = query.ToGo(exact).(map[string]any)
		}
	}
	return t, nil
}

// rounded reports whether v holds a number that may have been an integer with other digits.
func rounded(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) >= 1<<53
	case []any:
		return slices.ContainsFunc(v, rounded)
	case map[string]any:
		for _, e := range v {
			if rounded(e) {
				return true
			}
		}
	}
	return false
}

// decode reads the claims. A payload that is no object has none, and jsonwebtoken takes it; with typ JWT it must at
// least be JSON. What looks like an object and cannot be decoded may have claims, and is refused.
func (t *Token) decode() bool {
	var value any
	if err := json.Unmarshal(t.payload, &value); err != nil {
		return !t.jwt && !bytes.HasPrefix(bytes.TrimLeft(t.payload, " \t\r\n"), []byte("{"))
	}
	t.Claims, _ = value.(map[string]any)
	return value != nil || !t.jwt
}

func (v *Verifier) decodeHeader(encoded string) (jws.Header, error) {
	if last := v.header.Load(); last != nil && last.encoded == encoded {
		return last.header, nil
	}
	h, err := jws.ParseHeader(encoded)
	if err == nil && len(encoded) <= 1024 {
		v.header.Store(&decoded{strings.Clone(encoded), h})
	}
	return h, err
}

// key finds the key for a token. A key id that is not known may be a new one: the keys are then fetched again, within
// the limits of [fetch.Document].
func (v *Verifier) key(ctx context.Context, h *jws.Header, c *jws.Compact) (*jwks.Set, *jwks.Key, error) {
	set, err := v.keys.Get(ctx)
	if err != nil {
		return nil, nil, keyError(err)
	}
	if !set.ByID() {
		return set, set.All()[0], nil
	}
	if !h.HasKeyID {
		if set.Len() > 1 {
			message := callback + "No KID specified and JWKS endpoint returned more than 1 key"
			return nil, nil, &Error{Invalid, message, "no kid" + keyIDs(set) + from(c)}
		}
		return set, set.All()[0], nil
	}
	if h.KeyID != "" {
		k := set.Find(h.KeyID, h.Algorithm)
		if k == nil {
			if set, err = v.keys.Refetch(ctx); err != nil {
				return nil, nil, keyError(err)
			}
			k = set.Find(h.KeyID, h.Algorithm)
		}
		if k != nil {
			return set, k, nil
		}
	}
	message := callback + "Unable to find a signing key that matches '" + h.KeyID[:min(len(h.KeyID), maxReflected)] + "'"
	why := has("kid", h.KeyID) + keyIDs(set) + from(c)
	if out := set.LeftOut(); out != "" {
		why += "; no usable key: " + out
	}
	return nil, nil, &Error{Invalid, message, why}
}

const callback = "error in secret or public key callback: "

// keyError tells a provider that publishes no usable keys, which jsonwebtoken's users know as a refusal, from a
// failure.
func keyError(err error) error {
	var refused *Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, jwks.ErrNoKeys):
		return &Error{Name: Invalid, Message: callback + "The JWKS endpoint did not contain any keys"}
	case errors.Is(err, jwks.ErrNoSigningKeys):
		return &Error{Invalid, callback + "The JWKS endpoint did not contain any signing keys", err.Error()}
	}
	return fmt.Errorf("keys: %w", err)
}

// suits reports whether the key may be used with alg, and alg be used at all.
func (v *Verifier) suits(k *jwks.Key, alg string) *Error {
	// jsonwebtoken does not know EdDSA: a configuration that does not ask for it does not expect it.
	if k.Suits(alg) && (v.o.Algorithms.Set || alg != "EdDSA") {
		return nil
	}
	e := v.invalidAlgorithm(alg, k)
	switch {
	case !v.o.Algorithms.Set:
	case strings.HasPrefix(alg, "HS") && !k.Secret():
		e.Message = "secretOrPublicKey must be a symmetric key when using " + alg
	case !strings.HasPrefix(alg, "HS") && k.Secret():
		e.Message = "secretOrPublicKey must be an asymmetric key when using " + alg
	}
	return e
}

// invalidAlgorithm refuses alg; k is the key that it was for, nil before one is looked for.
func (v *Verifier) invalidAlgorithm(alg string, k *jwks.Key) *Error {
	return &Error{Invalid, "invalid algorithm", v.o.algorithm(alg, k)}
}

// View is the token as assertions see it: its claims, or what else its payload is; with the option complete an object
// of header, payload and signature. The error is for claims that rules cannot be asked about, because they are nested
// too deeply.
func (v *Verifier) View(t *Token) (query.Value, error) {
	t.once.Do(func() {
		t.view, t.viewErr = t.payloadView(v.o.Native)
		if v.o.Complete && t.viewErr == nil {
			o := query.NewObject(3)
			o.Set("header", headerView(t.header))
			o.Set("payload", t.view)
			o.Set("signature", t.signature)
			t.view = o
		}
	})
	return t.view, t.viewErr
}

func (t *Token) payloadView(exact bool) (query.Value, error) {
	value, err := query.Parse(t.payload, exact)
	switch value.(type) {
	case *query.Object, []any:
		return value, err
	}
	switch {
	case t.jwt || t.Claims != nil:
		return value, err
	case json.Valid(t.payload) && err != nil:
		return nil, err
	}
	return strings.ToValidUTF8(string(t.payload), "\ufffd"), nil
}

func headerView(encoded string) query.Value {
	c := jws.Compact{Payload: encoded}
	text, err := c.DecodePayload()
	if err != nil {
		return nil
	}
	v, err := query.ParseJSON(text)
	if err != nil {
		return nil
	}
	return v
}
