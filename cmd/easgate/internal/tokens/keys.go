package tokens

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
)

// Keys open config tokens.
type Keys struct {
	Ring *configtoken.Live
	// URL opens what a verify URL holds, Stored what a store holds.
	URL, Stored configtoken.Opener
}

// OpenKeys reads the keys that the configuration names.
func OpenKeys(cfg *config.Config) (*Keys, error) {
	k := &Keys{}
	formats := configtoken.Formats{RequireSigned: cfg.RequireSignedTokens, AllowPlain: cfg.AllowPlainTokens}
	if slices.Contains(cfg.TokenFormats, "native") && hasKeyring(cfg) {
		ring, err := Keyring(cfg)
		if err != nil {
			return nil, err
		}
		k.Ring = configtoken.NewLive(ring)
		formats.Native = k.Ring
	}
	if slices.Contains(cfg.TokenFormats, "eas") {
		var err error
		if formats.EAS, err = easKeys(cfg); err != nil {
			return nil, err
		}
	}
	var err error
	if k.URL, err = configtoken.NewOpener(formats); err != nil {
		return nil, err
	}
	if k.Stored, err = configtoken.NewStoreOpener(formats); err != nil {
		return nil, err
	}
	if k.Ring == nil {
		k.Ring = configtoken.NewLive(new(configtoken.Keyring))
	}
	return k, nil
}

// Revocations reads the revoked jtis that the configuration names.
func Revocations(cfg *config.Config) (*configtoken.Revocations, error) {
	r, err := configtoken.NewRevocations(string(cfg.RevokedJTIs))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Origin("revoked_jtis"), err)
	}
	if cfg.RevokedJTIsFile != "" {
		if err := r.Load(cfg.RevokedJTIsFile); err != nil {
			return nil, problem.Hint(err, "an empty list is []")
		}
	}
	return r, nil
}

func hasKeyring(cfg *config.Config) bool { return cfg.Keyring != "" || cfg.KeyringFile != "" }

// Keyring reads the keyring that the configuration names.
func Keyring(cfg *config.Config) (*configtoken.Keyring, error) {
	if cfg.KeyringFile != "" {
		ring, err := configtoken.LoadKeyring(cfg.KeyringFile)
		if errors.Is(err, os.ErrNotExist) {
			return nil, problem.Hint(err, "`easgate keys new --out %s` makes it", cfg.KeyringFile)
		}
		return ring, err
	}
	if cfg.Keyring == "" {
		return nil, problem.Hint(errors.New("there is no keyring"), "set EAS_KEYRING_FILE, or give --keyring-file")
	}
	ring, err := configtoken.ParseKeyring([]byte(cfg.Keyring))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Origin("keyring"), err)
	}
	return ring, nil
}

// easKeys returns the keys of EAS's format, nil when there are none.
func easKeys(cfg *config.Config) (*configtoken.EASKeys, error) {
	if cfg.SignSecret == "" {
		return nil, nil
	}
	return configtoken.NewEASKeys(string(cfg.SignSecret), string(cfg.EncryptSecret), string(cfg.IVSecret))
}

// FormatName is the word for f that users read and write.
func FormatName(f configtoken.Format) string {
	switch f {
	case configtoken.Native:
		return "native"
	case configtoken.EAS:
		return "eas"
	}
	return "plain"
}

// InForce is the [State] of a token that is taken.
const InForce = "in force"

// State says whether t is taken at now, or why not.
func State(t *configtoken.Token, revoked *configtoken.Revocations, now time.Time) string {
	if err := t.Check(now); err != nil {
		return strings.TrimPrefix(err.Error(), "config token: ")
	}
	if t.ID != "" && revoked.Revoked(t.ID) {
		return "revoked"
	}
	return InForce
}
