// Package bearer verifies the bearer tokens (RFC 6750) that are JWTs (RFC 7519), for the plugins that take them: where
// a request carries its token, what a refusal says, whose signature counts and what the claims must be.
//
// Options and messages are those of the npm package jsonwebtoken, which external-auth-server's configurations and
// clients know. The rules are stricter where its own are loose: see [Verifier].
package bearer
