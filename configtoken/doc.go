// Package configtoken is what a config token is: a whole auth configuration, sealed into one piece of text.
//
// It seals and opens; it does not know what the claims configure. Two formats exist side by side:
//
//   - [Native], a compact JWE (RFC 7516; "dir", A256GCM, DEFLATE where it helps) under a [Keyring] of random keys,
//     with a JWS (RFC 7515, EdDSA) inside when the keyring signs;
//   - [EAS], external-auth-server's: AES-256-CBC over an HMAC-signed JWT, under keys derived from secrets ([EASKeys]).
//     It is opened so that tokens in use keep working, and written only on request.
//
// [NewOpener] opens what comes in a verify URL. [NewStoreOpener] opens what a store holds, and takes two more forms,
// which only somebody with write access to the store can have put there: signed-only JWTs, and plain JSON where that
// is allowed. An open seal says who wrote the claims and no more; [Token.Check] and [Revocations.Revoked] are asked on
// every use.
//
// Keys and revocations change while the service runs: [Live] and [Revocations] load their file again without blocking
// those who read, and keep what they had when the file is broken. Noticing that it changed is left to the caller.
package configtoken
