package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
)

// Sealing says how to seal.
type Sealing struct {
	// Format is native or eas, or "" for the best one that there are keys for.
	Format    string
	ID        string
	ExpiresIn time.Duration
	// Unchecked seals whatever the claims say.
	Unchecked bool
}

// Seal checks and seals claims. It returns the format, too.
func (s *Sealing) Seal(cfg *config.Config, compiler cli.Compiler, claims json.RawMessage, now time.Time) (
	text, format string, err error,
) {
	if claims, err = s.complete(claims, now); err != nil {
		return "", "", err
	}
	sealer, format, err := sealerOf(cfg, s.Format)
	if err != nil {
		return "", "", err
	}
	if !s.Unchecked {
		c, done := compiler(cfg)
		defer done()
		if err := c.Check(claims); err != nil {
			return "", "", err
		}
	}
	if text, err = sealer.Seal(claims); err != nil {
		return "", "", err
	}
	if format == "eas" {
		text = urlSafe(text)
	}
	return text, format, nil
}

// urlSafe turns base64 into its URL-safe form, which external-auth-server opens as well.
func urlSafe(s string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
}

// complete adds the claims that flags ask for, behind those that are there.
func (s *Sealing) complete(claims json.RawMessage, now time.Time) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(claims, &members); err != nil {
		return nil, errors.New("config token: want a mapping with eas at the top level")
	}
	add := map[string]any{}
	if s.ID != "" {
		add["jti"] = s.ID
	}
	if s.ExpiresIn != 0 {
		add["exp"] = now.Add(s.ExpiresIn).Unix()
	}
	for _, name := range []string{"jti", "exp"} {
		v, ok := add[name]
		if !ok {
			continue
		}
		if _, there := members[name]; there {
			return nil, cli.Usage("the configuration has a %s of its own", name)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		comma := ","
		if len(members) == 0 {
			comma = ""
		}
		claims = fmt.Appendf(nil, "%s%s%q:%s}", strings.TrimSuffix(string(claims), "}"), comma, name, text)
		members[name] = text
	}
	return claims, nil
}

// sealerOf returns what seals in the named format, or in the best one that there are keys for.
func sealerOf(cfg *config.Config, format string) (configtoken.Sealer, string, error) {
	if format == "" {
		format = "eas"
		if hasKeyring(cfg) {
			format = "native"
		}
	}
	switch format {
	case "native":
		ring, err := Keyring(cfg)
		if err != nil {
			return nil, "", err
		}
		s, err := ring.Sealer()
		return s, format, err
	case "eas":
		keys, err := easKeys(cfg)
		if err != nil {
			return nil, "", err
		}
		if keys == nil {
			return nil, "", problem.Hint(errors.New("there are no secrets to seal EAS's format with"),
				"set EAS_CONFIG_TOKEN_SIGN_SECRET and EAS_CONFIG_TOKEN_ENCRYPT_SECRET, or their _FILE twins")
		}
		return keys, format, nil
	}
	return nil, "", cli.Usage("--format: want native or eas, got %q", format)
}
