// Package cli is what every command of easgate shares: one run of the command line with all that it reads and writes,
// exit codes, messages, and arguments.
//
// Each command is a package below this one. Its New makes a [cobra.Command] from a [CLI] and from what else the command
// needs, as functions that package main gives it: a [Compiler], or a Build of the whole service. No command imports
// another one. What several of them do (open tokens, write keys, lint) is a package beside this one.
//
// A command returns an error and prints none. [CLI.Run] prints it with its hint and chooses the exit code: [Usage]
// errors are those of the command line, and [ErrNo] says that what was printed is the answer, and that it is no.
package cli
