// Package metrics counts what easgate does, for Prometheus. wire makes the registry and the [Metrics] in it, hands
// them to whatever has something to count, and the server shows the registry. docs/operations.md has a row for each
// metric.
//
// A label's value comes from the code or from the operator's configuration. What a client sends is never one.
package metrics
