// Package sessions opens the store of sessions and makes the keys of logins, as the configuration wants them.
package sessions

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/builtin"
	"github.com/easgate/easgate/plugins"
)

// Open returns the store of sessions, and its kind. Its errors say where the configuration has what they are about.
func Open(cfg *config.Config, log *slog.Logger, now func() time.Time) (session.Store, string, error) {
	s, kind, err := builtin.Open(cfg.StoreOpts, builtin.Env{Log: log, Now: now, Roots: cfg.CARoots})
	if err == nil {
		return s, kind, nil
	}
	var problems config.Problems
	for _, part := range problem.Split(err) {
		option, _, _ := strings.Cut(part.Error(), ":")
		problems = append(problems, config.Problem{
			Source: cfg.Locate("store_opts", strings.Split(option, ".")...),
			Err:    fmt.Errorf("store_opts: %w", part), Hint: problem.HintOf(part),
		})
	}
	return nil, "", problems
}

// Ring returns the keys of states, cookies and sessions: of the secrets that the configuration has for them, and of
// ring's.
func Ring(cfg *config.Config, ring *configtoken.Keyring, now func() time.Time) (*seal.Ring, error) {
	shared, err := Shared(ring)
	if err != nil {
		return nil, err
	}
	cookie := pair("EAS_COOKIE_ENCRYPT_SECRET",
		cfg.CookieEncryptSecret, cfg.CookieSignSecret, cfg.CookieEncryptSecretOld, cfg.CookieSignSecretOld)
	return seal.New(map[seal.Purpose]seal.Secrets{
		seal.State: pair("EAS_ISSUER_ENCRYPT_SECRET",
			cfg.IssuerEncryptSecret, cfg.IssuerSignSecret, cfg.IssuerEncryptSecretOld, cfg.IssuerSignSecretOld),
		seal.Cookie:  cookie,
		seal.CSRF:    cookie,
		seal.Session: pair("EAS_SESSION_ENCRYPT_SECRET", cfg.SessionEncryptSecret, "", cfg.SessionEncryptSecretOld, ""),
	}, shared, now), nil
}

// Shared returns what a keyring gives to logins.
func Shared(ring *configtoken.Keyring) ([][]byte, error) { return ring.Derive("logins") }

// pair makes the secrets of one purpose of external-auth-server's two, of which the one that signs may be missing,
// and of the older ones: any of them may have been in use with any other.
func pair(setting string, encrypt, sign, encryptOld, signOld plugins.Secret) seal.Secrets {
	s := seal.Secrets{Setting: setting}
	of := func(encrypt, sign plugins.Secret) []byte {
		return []byte(strconv.Quote(string(encrypt)) + strconv.Quote(string(sign)))
	}
	if encrypt != "" {
		s.Current = of(encrypt, sign)
	}
	for _, e := range []plugins.Secret{encrypt, encryptOld} {
		if e != "" {
			s.Older = append(s.Older, of(e, sign))
		}
		if e != "" && signOld != "" {
			s.Older = append(s.Older, of(e, signOld))
		}
	}
	return s
}
