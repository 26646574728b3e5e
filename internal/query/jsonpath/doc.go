// Package jsonpath is the engine jp: JSONPath as external-auth-server means it, which is the npm package
// jsonpath 1.1.1 (dchester), not RFC 9535.
//
// The difference decides who gets in: there `[?(@.primary)]` asks whether primary is truthy, == is JavaScript's,
// `$.groups.length` is a number and `$.groups[-1]` is nothing. Go evaluates members, indexes, wildcards, descent,
// slices, unions and filters made of comparisons; testdata/reference.json and the differential runs of
// testdata/README.md show that the result is the same. Every other valid expression goes to the fallback, which runs
// the npm package in package sandbox.
package jsonpath
