// Package schema describes config tokens in JSON Schema, for editors, and their plugins' options in tables, for people.
//
// Both are made from the configuration types themselves, so that neither can say what the code does not. Descriptions
// are the doc comments of the fields: comments.json holds them for the binary, and a test fails when it is stale.
package schema
