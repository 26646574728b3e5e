// Package jwks holds the keys that tokens are verified with: where they come from (a secret, PEM, a JWK set in the
// configuration, behind a URL or in a file), what a text is that was given as a key ([Read]), which signature
// algorithms each of them may be used for (RFC 7518), and whether a signature is theirs. What a token claims is not
// its business.
//
// A [Fetcher] makes a set of a document behind a URL or in a file; nothing that a token says chooses what is fetched.
package jwks
