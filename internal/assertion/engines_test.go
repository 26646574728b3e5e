//go:build integration

package assertion

import (
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query/builtin"
)

// jsonata and js run in a sandbox that needs the bundles of `make js`.
var sandboxQueries = map[string][]string{
	"jp":      {"$..['groups','roles']", "$..['groups','roles'][*]", "$..['groups','roles'].*", "$..['groups','roles'][?(@)]"},
	"jsonata": {"groups", "groups[$ != '']"},
	"js":      {"return data.groups", "return [].concat(data.groups || [])"},
}

func TestOneOrManyInSandbox(t *testing.T) {
	limits := builtin.Limits{Time: 5 * time.Second}
	engines, _, done := builtin.Engines(builtin.Options{Token: limits, AllowEval: true})
	defer done()
	testOneOrMany(t, engines, groupQueries)
	testOneOrMany(t, engines, sandboxQueries)
	testLintSuggestions(t, engines, sandboxQueries)
	testLintScope(t, engines, map[string][]string{"jsonata": {"scope"}, "js": {"return data.scope"}})
}
