// Package gateway passes requests on to an upstream, and nothing that the client could have made up with them. It is
// the second half of a reverse proxy: the server has found the route, checked the path and had the request decided by
// then.
//
//	route, err := gateway.New(gateway.Config{Upstream: u}, gateway.Env{Log: log, Fail: page})
//	…
//	route.Forward(w, r, gateway.Passage{Header: decision.Result.Header, Scheme: "https", Again: decideAgain})
//
// What was decided is what is sent: path and query go on byte for byte. Connections that last are looked at again, and
// end when they would not be allowed any more. Denials, and which origins may call, are others' business.
package gateway
