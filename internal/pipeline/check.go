package pipeline

import (
	"encoding/json"
	"errors"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
)

// Check reports what is wrong with claims that are about to be sealed, all of it: the error has the paths of what is
// unknown, missing or could never work. It compiles them as a native token and reaches no network.
func (c *Compiler) Check(claims json.RawMessage) error {
	return problem.Prefix("config token", errors.Join(c.Problems(claims, configtoken.Native)...))
}

// Problems compiles claims as those of a token in that format and returns all that is wrong or odd about them, each
// with its path.
func (c *Compiler) Problems(claims json.RawMessage, format configtoken.Format) []error {
	n := compilation{Compiler: c, eas: format != configtoken.Native}
	if p, _ := n.compile(claims); p != nil {
		_ = p.Close()
	}
	return n.problems
}
