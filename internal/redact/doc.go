// Package redact shows config tokens and configuration without what is secret in them.
//
// What a type knows counts: [As] and [Token] hide what the fields of a plugin's options call secret, and nothing else
// of them. Where there is no type, names tell: password, client_secret, apiKey.
//
// It reads JSON; text that never prints in the first place is internal/secret's.
package redact
