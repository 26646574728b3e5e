// Package jq is the query engine jq, on gojq: without environment, inputs, modules or halt.
//
// external-auth-server runs the jq 1.6 binary for each evaluation. Where the two languages differ, results are
// jq 1.6's: numbers are doubles, repeating a string zero times is null, an object taken from the data or built by
// one {…} keeps the order of its keys. What gojq cannot follow is the order in which .[], to_entries and tojson
// walk an object's keys: sorted, not as written.
//
// gojq bounds neither memory nor the time of one step, so queries are rewritten before they are compiled:
// guards measure what constructors, sums, products and loops make. A query from a stranger (NewRestricted)
// is further held to a subset without loops, recursion, updates or variables.
package jq
