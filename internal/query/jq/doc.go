// Package jq is the query engine jq, on gojq: without environment, inputs, modules or halt.
//
// external-auth-server runs the jq 1.6 binary for each evaluation. Where the two languages differ, results are
// jq 1.6's: numbers are doubles, repeating a string zero times is null, objects keep the order of their keys, which
// shows in .[], .., map, to_entries, tojson and results. Two things cannot be followed: the order in paths, match and
// capture, where gojq sorts keys, and that of objects that gained keys or were put together from several others, or by
// names from the data, where it is guessed.
// Regular expressions are Go's, without lookaround and backreferences.
//
// gojq bounds neither memory nor the time of one step, so queries are rewritten before they are compiled:
// guards measure what constructors, sums, products and loops make. A query from a stranger (NewRestricted)
// is further held to a subset without loops, recursion, updates or variables.
package jq
