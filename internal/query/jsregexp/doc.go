// Package jsregexp decides whether a JavaScript regular expression matches a text, as external-auth-server's rules
// write and use it: a literal `/pattern/flags`, asked by test().
//
// Package regexp answers where its syntax means the same as JavaScript's, in linear time: literals, classes, groups,
// quantifiers, anchors, the flags i (of ASCII patterns) and s, and lookaheads right after a leading ^. QuickJS answers
// for all else: other lookaround, backreferences, the flags m, u and y, and texts with characters beyond U+FFFF where
// a pattern may match half of one. It takes some microseconds, and a match is cut off after 50 ms.
//
// QuickJS also decides what is no regular expression: that is an error of [Compile].
package jsregexp
