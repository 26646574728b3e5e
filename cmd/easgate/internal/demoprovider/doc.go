// Package demoprovider is a small OpenID provider, so that a newcomer sees a login without a network. It knows two
// people, asks for no password, and lives in memory; it is for loopback, for one site, and for easgate demo alone.
//
//	p, err := demoprovider.New(demoprovider.Config{Issuer: "http://127.0.0.1:8001", Site: "http://127.0.0.1:8000"})
//	…
//	http.Serve(listener, p)
//
// It follows OpenID Connect Core 1.0 for the code flow with PKCE and refresh tokens, Discovery 1.0 and RP-Initiated
// Logout 1.0, as far as its one client needs them.
package demoprovider
