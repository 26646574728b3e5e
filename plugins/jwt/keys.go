package jwt

import (
	"errors"
	"strings"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/plugins"
)

var (
	errRequired = errors.New("required: a secret, PEM, the URL of a JWK set or a JWK set")
	errPEM      = errors.New("looks like PEM and has no key: line ends must be real ones, \\n in JSON")
)

// fetcher is what key sets are fetched with.
func fetcher(env plugins.Env) jwks.Fetcher {
	return jwks.Fetcher{HTTP: env.HTTP, Now: env.Now, Log: env.Log, Strict: env.Native}
}

// newVerifier finds out what the secret is. A configuration that can verify nothing is an error, or with
// external-auth-server's tokens, where it lets one in, a verifier that refuses all with the message known from there.
func newVerifier(c Token, p *provider, env plugins.Env) (*bearer.Verifier, error) {
	text := string(c.Secret.text)
	switch {
	case c.Secret.set != nil:
		set, err := jwks.FromJWKS(c.Secret.set)
		if err != nil {
			return nil, err
		}
		return bearer.NewVerifier(set, true, c.Options, env.Now), odd(set, env)
	case text == "" && p != nil:
		return bearer.NewVerifier(p, true, c.Options, env.Now), nil
	case !c.Secret.given:
		return nil, errRequired
	case text == "":
		e := &bearer.Error{Name: "JsonWebTokenError", Message: "secret or public key must be provided"}
		return bearer.NoKey(e, c.Options, env.Now), env.Complain(errRequired)
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"):
		remote, err := fetcher(env).Set(text, jwks.ParseJWKS)
		if err != nil {
			return nil, err
		}
		return bearer.NewVerifier(remote, true, c.Options, env.Now), nil
	case !jwks.IsPEM(text):
		set, err := jwks.FromSecret(text)
		return bearer.NewVerifier(set, false, c.Options, env.Now), err
	}
	set, err := jwks.FromPEM(text)
	if errors.Is(err, jwks.ErrBadPEM) {
		// External-auth-server takes the text for a shared secret, which everybody knows who knows the public key.
		e := &bearer.Error{Name: "JsonWebTokenError", Message: "invalid algorithm"}
		return bearer.NoKey(e, c.Options, env.Now), env.Complain(errPEM)
	}
	if err != nil {
		return nil, err
	}
	return bearer.NewVerifier(set, false, c.Options, env.Now), odd(set, env)
}

// odd complains of what is odd about the keys: short ones, private ones.
func odd(set *jwks.Set, env plugins.Env) error {
	for _, w := range set.Warnings {
		if err := env.Complain(errors.New(w)); err != nil {
			return err
		}
	}
	return nil
}
