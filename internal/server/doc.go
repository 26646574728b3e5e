// Package server is the hall of the HTTP side of easgate: it makes the rooms, puts their routes together, and opens
// the listeners.
//
//   - verify answers verify requests: HTTP request → decision → reply in the proxy's dialect.
//   - envoy speaks Envoy's protocols, over HTTP and gRPC.
//   - listen opens listeners, bounds what clients may hold, and shuts down.
//   - mount is the table of config tokens behind URLs, and pages serves their pages.
//   - metrics counts.
//
// A new kind of endpoint gets a room beside these, a package that knows http.Handler and no framework, and its routes
// here. What wire makes, such as the fixed endpoints of logins, comes as [Config.Endpoints]:
//
//	server.Endpoint{Methods: []string{"GET", "POST"}, Path: "/oauth/callback", Handler: callbacks}
//
// Fixed paths come first, in any case and with or without a slash at the end, as Express has them; then mounts; then
// 404. echo, the HTTP framework, is used in this package and nowhere else.
package server
