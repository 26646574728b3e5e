// Package cli is what every command of easgate shares: one run of the command line with all that it reads and writes, exit
// codes, messages, and arguments. Each command is a package below this one; package main hands it what it needs.
package cli
