// Package assertion evaluates the rules of config tokens: pcb.skip, pcb.stop and the assertions of plugins. A rule
// queries the data and tests what it finds with one of [Methods], by JavaScript's idea of equality, because the rules
// were written for external-auth-server. All rules of a [Set] must hold.
//
// Rules decide who gets in, so nothing is guessed: a rule that cannot be evaluated is an error, never an answer.
// [Compile] finds the mistakes in native tokens; in those of external-auth-server's format a rule that cannot work is
// an error whenever it is evaluated. [Lint] says what is unsafe in rules that compile.
package assertion
