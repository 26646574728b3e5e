// Package bearer is what the plugins for bearer tokens (RFC 6750) share: a [Carrier] finds the token of a request and
// writes the refusal with its challenge, and a [Lookup] asks a provider about tokens, once for all who wait, and
// remembers the answer. Whether a token is good is the business of internal/jwtverify.
package bearer
