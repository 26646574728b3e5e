// Package envoy speaks Envoy's ext_authz: over gRPC, version 3, with bounds for what calls may hold, and over HTTP,
// where Envoy appends the parent request's path to the path of the auth service.
//
//	g := envoy.NewServer(verifier, nil, listen.NewBudget())
//	sites = append(sites, listen.Site{Name: "grpc", Addr: ":50051", Server: g})
//
// Whom to believe and what to decide is package verify's. Only proxies get as far as a call.
package envoy
