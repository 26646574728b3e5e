// Package configtoken is what a config token is: a whole auth configuration, sealed into one piece of text.
//
// It seals and opens; it does not know what the claims configure. Two formats exist side by side: the native one,
// a compact JWE (RFC 7516) under a keyring of random keys, and external-auth-server's, which is opened so that
// tokens in use keep working.
package configtoken
