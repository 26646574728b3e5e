// Package handlebars is the engine handlebars: templates as the npm package handlebars 4.7 renders them, without
// partials, helpers of one's own or access to prototypes.
//
// Go renders templates of text and plain paths: `{{a.b}}`, `{{{a.b}}}`, `{{&a}}`, `{{a.[b c]}}`, `{{@root.a}}`,
// `{{~ a ~}}`. The differential runs of testdata/README.md show that the result is the same. Every other template goes
// to the fallback, which runs the npm package in package sandbox.
package handlebars
