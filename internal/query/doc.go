// Package query holds the languages that config tokens use to look into a request: what they are
// called, what a compiled query is, and the values that go in and come out.
//
// Queries see JavaScript's idea of JSON, because the tokens were written for external-auth-server:
// objects keep the order of their keys, undefined is not null, numbers are float64. A query is compiled
// once, with its config token; evaluating it is bounded in time and memory and reaches nothing but its data.
package query
