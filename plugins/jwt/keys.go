package jwt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
)

var (
	errRequired = errors.New("required: a secret, PEM, the URL of a JWK set or a JWK set")
	errPublic   = errors.New("a key or certificate, and no shared secret: write it without text, base64 or base64url")
	errForm     = errors.New("a key in a form that external-auth-server takes for a shared secret, with which everybody could sign; " +
		"in a token of its format none passes: write PEM")
	errShared = errors.New("neither a key nor the URL of a key set; a shared secret needs options.algorithms with HS256, HS384 or HS512, " +
		"or says that it is one: {text: …}")
	errLineEnd = errors.New("ends with a line end, as a YAML block does: write |- for |, or {text: …} if it belongs to the secret")
)

// minSecret is how many bytes a secret has for an algorithm: as many as the hash (RFC 7518 §3.2).
var minSecret = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

// newVerifier finds out what the secret is. A configuration that can verify nothing is an error, or with
// external-auth-server's tokens, where it lets one in, a verifier that refuses all with the message known from there.
func newVerifier(c Token, p *provider, env plugins.Env) (*jwtverify.Verifier, error) {
	if warn := env.Warn; warn != nil {
		env.Warn = func(err error) { warn(fmt.Errorf("config.secret: %w", err)) }
	}
	keys, err := c.keys(p, env)
	var refused *jwtverify.Error
	switch {
	case errors.As(err, &refused):
		return jwtverify.NoKey(refused, c.Options, env.Now), nil
	case err != nil:
		return nil, err
	}
	return jwtverify.NewVerifier(keys, c.Options, env.Now), nil
}

// fetcher is what key sets are fetched with.
func fetcher(env plugins.Env) jwks.Fetcher {
	return jwks.Fetcher{HTTP: env.HTTP, Now: env.Now, Log: env.Log, Strict: env.Native, Called: env.Calls("jwks")}
}

// keys returns where the keys are; a [jwtverify.Error] is what every token is to be refused with.
func (c *Token) keys(p *provider, env plugins.Env) (jwtverify.Keys, error) {
	k, text := &c.Secret, string(c.Secret.text)
	switch {
	case k.set != nil:
		set, err := jwks.FromJWKS(k.set)
		if err != nil {
			return nil, err
		}
		return set, c.check(set, env)
	case k.file != "":
		// Nothing that external-auth-server knows; and what is wrong is found when nobody collects warnings any more.
		env.Native, env.Warn = true, nil
		return fetcher(env).File(k.file, func(text []byte) (*jwks.Set, error) {
			return c.read(strings.TrimRight(string(text), "\r\n"), env)
		})
	case text == "" && p != nil:
		return p, nil
	case !k.given:
		return nil, errRequired
	case text == "":
		return nil, refuse(errRequired, "secret or public key must be provided", env)
	case k.url():
		return fetcher(env).Set(text, jwks.ParseJWKS)
	}
	return c.read(text, env)
}

// read makes keys of a text: those that it holds, or itself, unless others know it.
func (c *Token) read(text string, env plugins.Env) (*jwks.Set, error) {
	k := &c.Secret
	set, err := jwks.Read(text)
	var mistake *jwks.Mistake
	switch {
	case set != nil && k.shared:
		return nil, refuse(errPublic, "invalid algorithm", env)
	case set != nil && !env.Native && !jwks.IsPEM(text):
		return nil, refuse(errForm, "invalid algorithm", env)
	case set != nil:
		return set, c.check(set, env)
	case errors.As(err, &mistake) && mistake.Public:
		return nil, refuse(err, "invalid algorithm", env)
	}
	if err := c.doubts(text, err, env); err != nil {
		return nil, err
	}
	if set, err = jwks.FromSecret(text); err != nil {
		return nil, err
	}
	return set, c.check(set, env)
}

// doubts complains of a text that may not be meant as a shared secret, and does not say that it is one. mistake is what it
// looks like instead, nil for nothing.
func (c *Token) doubts(text string, mistake error, env plugins.Env) error {
	k := &c.Secret
	if k.shared {
		return nil
	}
	doubts := []error{mistake}
	if k.file == "" && env.Native && !slices.ContainsFunc(c.Options.Algorithms.List, symmetric) {
		doubts = append(doubts, errShared)
	}
	if k.file == "" && strings.HasSuffix(text, "\n") {
		doubts = append(doubts, errLineEnd)
	}
	for _, doubt := range doubts {
		if doubt == nil {
			continue
		}
		if err := env.Complain(doubt); err != nil {
			return err
		}
	}
	return nil
}

func symmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// refuse is for a configuration without a usable key.
func refuse(why error, message string, env plugins.Env) error {
	if err := env.Complain(why); err != nil {
		return err
	}
	return &jwtverify.Error{Name: "JsonWebTokenError", Message: message}
}

// check complains of what is odd about keys, such as private ones, and refuses short secrets.
func (c *Token) check(set *jwks.Set, env plugins.Env) error {
	for _, w := range set.Warnings {
		if err := env.Complain(errors.New(w)); err != nil {
			return err
		}
	}
	if !env.Native || c.Secret.allowShort {
		return nil
	}
	want := minSecret["HS256"]
	for _, alg := range c.Options.Algorithms.List {
		want = max(want, minSecret[alg])
	}
	for _, key := range set.All() {
		if n := key.SecretLen(); n > 0 && n < want {
			return env.Complain(fmt.Errorf("a secret of %d bytes: want %d or more (RFC 7518 §3.2), or allow_short beside it", n, want))
		}
	}
	return nil
}

// url reports whether the secret is the URL of a key set.
func (k *Keys) url() bool {
	text := string(k.text)
	return !k.shared && !strings.ContainsFunc(text, unicode.IsSpace) && (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://"))
}
