// Package archtest holds the house rules that a compiler does not know, as tests: who may import whom, which
// library stays in which package, and what no package does.
//
// The rules for imports are the table in house_test.go. They bind what is built into a product; a test may import
// whatever it needs. The sources are parsed in this process: `go list` would not be seen by the test cache,
// and a broken rule could pass for days.
package archtest
