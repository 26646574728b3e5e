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
	errForm     = errors.New("a key in a form that external-auth-server takes for a shared secret, with which " +
		"everybody could sign; " +
		"in a token of its format none passes: write PEM")
	errShared = errors.New("neither a key nor the URL of a key set; a shared secret needs options.algorithms with " +
		"HS256, HS384 or HS512, " +
		"or says that it is one: {text: …}")
	errLineEnd = errors.New("ends with a line end, as a YAML block does: write |- for |, or {text: …} if it belongs to " +
		"the secret")
)

// minSecret is how many bytes a secret has for an algorithm: as many as the hash (RFC 7518 §3.2).
var minSecret = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

// newVerifier finds out what the secret is. A configuration that can verify nothing is an error, or with
// external-auth-server's tokens, where it lets one in, a verifier that refuses all with the message known from there.
func newVerifier(c Token, p *provider, env plugins.Env) (*jwtverify.Verifier, error) {
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
		return c.checked(set, env), nil
	case k.file != "":
		env.Native = true // external-auth-server knows no files
		return fetcher(env).File(k.file, func(text []byte) (*jwks.Set, error) { return c.readFile(string(text), env) })
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

// readFile is read for a file, which is looked at when the token has long been compiled: a problem is an error.
func (c *Token) readFile(text string, env plugins.Env) (*jwks.Set, error) {
	var problems []error
	env.Report = func(err error) { problems = append(problems, err) }
	set, err := c.read(strings.TrimRight(text, "\r\n"), env)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return set, err
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
		return c.checked(set, env), nil
	case errors.As(err, &mistake) && mistake.Public:
		return nil, refuse(err, "invalid algorithm", env)
	}
	c.doubt(text, err, env)
	if set, err = jwks.FromSecret(text); err != nil {
		return nil, err
	}
	return c.checked(set, env), nil
}

// doubt reports a text that may not be meant as a shared secret, and does not say that it is one. mistake is what it
// looks like instead, nil for nothing.
func (c *Token) doubt(text string, mistake error, env plugins.Env) {
	k := &c.Secret
	if k.shared {
		return
	}
	env.Problem(mistake)
	if k.file == "" && env.Native && !slices.ContainsFunc(c.Options.Algorithms.List, symmetric) {
		env.Problem(errShared)
	}
	if k.file == "" && strings.HasSuffix(text, "\n") {
		env.Problem(errLineEnd)
	}
}

func symmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// refuse is for a configuration without a usable key.
func refuse(why error, message string, env plugins.Env) error {
	env.Problem(why)
	return &jwtverify.Error{Name: "JsonWebTokenError", Message: message}
}

// checked reports what is odd about keys, such as private ones, and short secrets. It returns set.
func (c *Token) checked(set *jwks.Set, env plugins.Env) *jwks.Set {
	for _, w := range set.Warnings {
		env.Problem(errors.New(w))
	}
	if !env.Native || c.Secret.allowShort {
		return set
	}
	want := minSecret["HS256"]
	for _, alg := range c.Options.Algorithms.List {
		want = max(want, minSecret[alg])
	}
	for _, key := range set.All() {
		if n := key.SecretLen(); n > 0 && n < want {
			env.Problem(fmt.Errorf("a secret of %d bytes: want %d or more (RFC 7518 §3.2), or allow_short beside it", n, want))
			break
		}
	}
	return set
}

// url reports whether the secret is the URL of a key set.
func (k *Keys) url() bool {
	text := string(k.text)
	return !k.shared && !strings.ContainsFunc(text, unicode.IsSpace) &&
		(strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://"))
}
