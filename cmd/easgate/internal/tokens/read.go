package tokens

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/problem"
)

// Claims reads a configuration, in YAML or JSON, from the file that args name, or else from the standard input.
func Claims(c *cli.CLI, args []string) (json.RawMessage, error) {
	name, text, err := read(c, args)
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}

// ClaimsOrSealed is Claims, but returns a sealed config token as it is. One of the two results is empty.
func ClaimsOrSealed(c *cli.CLI, args []string) (claims json.RawMessage, sealed string, err error) {
	name, text, err := read(c, args)
	if err != nil {
		return nil, "", err
	}
	sealed = strings.TrimSpace(string(text))
	if sealed == "" || strings.ContainsAny(sealed, " \n{:") { // sealed text is one word without a colon
		claims, err = Parse(name, text)
		return claims, "", err
	}
	return nil, sealed, nil
}

func read(c *cli.CLI, args []string) (name string, text []byte, err error) {
	name = "-"
	if len(args) > 0 {
		name = args[0]
	}
	text, err = c.Input(name)
	return name, text, err
}

// Parse reads claims that were written in YAML or JSON. name is for messages.
func Parse(name string, text []byte) (json.RawMessage, error) {
	claims, err := document.Convert(text)
	if err != nil {
		err = problem.Hint(fmt.Errorf("%s:%w", name, err), "a configuration is YAML or JSON; the numbers are line and column")
	}
	return claims, err
}

// Open opens whatever a verify URL or a store holds, with the keys of cfg.
func Open(cfg *config.Config, sealed string) (token configtoken.Token, err error) {
	keys, err := OpenKeys(cfg)
	if err != nil {
		return token, err
	}
	if token, err = keys.Stored.Open(sealed); err == nil {
		return token, nil
	}
	var have []string
	if hasKeyring(cfg) {
		have = append(have, "the keyring")
	}
	if cfg.SignSecret != "" {
		have = append(have, "the secrets of EAS's format")
	}
	return token, problem.Hint(err, "it is damaged, or was sealed under other keys than %s", strings.Join(have, " and "))
}
