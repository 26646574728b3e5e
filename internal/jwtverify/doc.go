// Package jwtverify verifies JWTs (RFC 7519): whose signature counts, and what the claims must be. A [Verifier] is made
// once, of [Keys] and [Options], and asked for each token; it remembers signatures that were right. An [*Error] says
// why a token is refused, in words for the client and in others for the log; any other error is a failure of ours.
//
// Options and messages are those of the npm package jsonwebtoken, which external-auth-server's configurations and
// clients know. The rules are stricter where its own are loose: see [Verifier]. Where a request carries its token is
// the business of internal/bearer, where keys come from that of internal/jwks.
package jwtverify
