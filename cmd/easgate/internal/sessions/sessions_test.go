package sessions

import (
	"errors"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/plugins"
)

// Any of the secrets may be replaced by itself, and none of them opens what the others sealed.
func TestRing(t *testing.T) {
	issuer := func(encrypt, sign, encryptOld, signOld plugins.Secret) *config.Config {
		return &config.Config{
			IssuerEncryptSecret: encrypt, IssuerSignSecret: sign,
			IssuerEncryptSecretOld: encryptOld, IssuerSignSecretOld: signOld,
		}
	}
	for _, tt := range []struct {
		name        string
		seals, open *config.Config
		want        error
	}{
		{"both", issuer("e", "s", "", ""), issuer("e", "s", "", ""), nil},
		{"the encrypting one alone", issuer("e", "", "", ""), issuer("e", "", "", ""), nil},
		{"the encrypting one is replaced", issuer("e", "s", "", ""), issuer("e2", "s", "e", ""), nil},
		{"the signing one is replaced", issuer("e", "s", "", ""), issuer("e", "s2", "", "s"), nil},
		{"both are replaced", issuer("e", "s", "", ""), issuer("e2", "s2", "e", "s"), nil},
		{"what is to come", issuer("e2", "s", "", ""), issuer("e", "s", "e2", ""), nil},
		{"without the signing one", issuer("e", "s", "", ""), issuer("e", "", "", ""), seal.ErrKey},
		{"another signing one", issuer("e", "s", "", ""), issuer("e", "s2", "", ""), seal.ErrKey},
		{"another encrypting one", issuer("e", "s", "", ""), issuer("e2", "s", "", ""), seal.ErrKey},
		{"the two swapped", issuer("e", "s", "", ""), issuer("s", "e", "", ""), seal.ErrKey},
		{"one split otherwise", issuer("es", "x", "", ""), issuer("e", "sx", "", ""), seal.ErrKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := box(t, tt.seals).Seal([]byte("x"), time.Time{}, "")
			if _, err := box(t, tt.open).Open(text, time.Now(), ""); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
		})
	}
}

func box(t *testing.T, cfg *config.Config) seal.Box {
	t.Helper()
	ring, err := Ring(cfg, new(configtoken.Keyring), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ring.For(seal.State, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
