// Package oauthclient is how easgate authenticates to an authorization server: the client authentication of OAuth 2.0
// (RFC 6749 §2.3) and OpenID Connect Core 1.0 (§9), chosen by configuration, by the client's registration or by what
// the server says it supports.
//
//	c, err := oauthclient.New(oauthclient.Config{ID: "gate", Secret: "s"})
//	server := oauthclient.Server{Issuer: "https://login.example.com", Methods: supported}
//	req, err := c.Request(ctx, "https://login.example.com/introspect", form, server, now)
//
// It makes requests and understands refusals. Sending them, and what an endpoint answers, is the caller's.
package oauthclient
