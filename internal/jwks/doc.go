// Package jwks holds the keys that tokens are verified with: where they come from (a secret, PEM, a JWK set in the
// configuration, behind a URL or in a file), what a text is that was given as a key ([Read]), which signature algorithms
// each of them may be used for (RFC 7518), and compact JWS (RFC 7515) as far as a signature goes. What a token claims is
// not its business.
//
// A key set behind a URL or in a file is fetched when it is first needed, by one request for all that wait, and
// refreshed in the background. Nothing that a token says chooses what is fetched, and no flood of tokens fetches more
// often than a bucket allows.
package jwks
