// Package tokens seals and opens config tokens for the commands, with the keys that the configuration names.
package tokens
