// Package oauthclient is how easgate authenticates to an authorization server: the client authentication of OAuth 2.0
// (RFC 6749 §2.3) and OpenID Connect Core 1.0 (§9), chosen by configuration, by the client's registration or by what the
// server says it supports.
//
//	c, err := oauthclient.New(oauthclient.Config{ID: "gate", Secret: "s"})
//	req, err := c.Request(ctx, server.IntrospectionEndpoint, form, oauthclient.Server{Issuer: server.Issuer, Methods: supported}, now)
//
// It makes requests and understands refusals. Sending them, and what an endpoint answers, is the caller's.
package oauthclient
