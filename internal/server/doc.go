// Package server is the hall of the HTTP side of easgate: it makes the rooms, puts their routes together, and opens the
// listeners.
//
//   - verify answers verify requests: HTTP request → decision → reply in the proxy's dialect.
//   - envoy speaks Envoy's protocols, over HTTP and gRPC.
//   - listen opens listeners, bounds what clients may hold, and shuts down.
//   - metrics counts.
//
// A new kind of endpoint gets a room beside these, a package that knows http.Handler and no framework, and its routes here.
// echo, the HTTP framework, is used in this package and nowhere else.
package server
