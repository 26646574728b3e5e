// Package jws takes tokens in JWS compact serialization (RFC 7515 §7.1) apart: [Split] finds the three parts by looking
// at characters only, [ParseHeader] reads what verifying needs of the header. It is the one splitter of easgate, and
// verifies nothing: signatures are checked by the keys of internal/jwks, claims by internal/jwtverify.
package jws
