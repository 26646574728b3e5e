// Package builtin is the list of query languages. [Engines] makes those for config tokens, and those for verify URLs,
// which strangers may write: these have tighter bounds and, of jq, a subset.
//
// A language is added here and nowhere else.
package builtin
