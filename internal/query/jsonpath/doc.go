// Package jsonpath is the engine jp: JSONPath as external-auth-server means it, which is the npm package
// jsonpath 1.1.1 (dchester), not RFC 9535.
//
// The difference decides who gets in: there `[?(@.primary)]` asks whether primary is truthy, == is JavaScript's,
// `$.groups.length` is a number and `$.groups[-1]` is nothing. This package evaluates in Go what
// testdata/reference.json and the differential runs described in testdata/README.md show to be equal — members,
// indexes, wildcards, descent, slices, unions, filters made of comparisons — and hands every other valid expression to
// a fallback, which runs the npm package itself.
package jsonpath
