//go:build integration

package main

import (
	"testing"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

// The example of docs/queries.md speaks every language, and so needs the libraries that make js bundles.
func TestDocumentedQueries(t *testing.T) {
	documented(t, []decision{
		{"queries: all hold", "queries.md", []string{"-H", "Accept: application/json", "-H", "X-Team: blue"}, cli.ExitNo, "status 403, by plugins[0] noop"},
		{"queries: one does not", "queries.md", []string{"-H", "Accept: application/json", "-H", "X-Team: red"}, 0, "by plugins[1] noop"},
	})
}
