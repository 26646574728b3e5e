package pipeline

import (
	"encoding/json"

	"github.com/easgate/easgate/configtoken"
)

// Check reports what is wrong with claims that are about to be sealed: the error has the path of what is unknown,
// missing or could never work. It compiles them as a native token and reaches no network.
func (c *Compiler) Check(claims json.RawMessage) error {
	p, _, err := c.Compile(&configtoken.Token{Format: configtoken.Native, Claims: claims})
	if err != nil {
		return err
	}
	return p.Close()
}

// Lint compiles claims as a token in EAS's format and returns what is odd about them, each with its path.
func (c *Compiler) Lint(claims json.RawMessage) ([]string, error) {
	p, warnings, err := c.Compile(&configtoken.Token{Format: configtoken.EAS, Claims: claims})
	if err != nil {
		return nil, err
	}
	return warnings, p.Close()
}
