// Package credential is what the plugins that check user names and passwords share: a [MAC] to recognize a credential
// by without keeping it, and a [Queue] where checks that take a processor wait for one. What a password is checked
// against, and how long the answer is remembered, is the plugin's.
package credential
