// Package jsregexp decides whether a JavaScript regular expression matches a text, as external-auth-server's rules
// write and use it: a literal `/pattern/flags`, asked by test().
//
// A pattern is parsed by ECMA-262's own grammar, Annex B included (§22.2.1, §B.1.2), so that what is no regular
// expression in JavaScript is an error here. Its character classes are worked out as sets of characters, case folding
// and Unicode properties included; what is written for the two engines behind this package is then free of whatever
// they and JavaScript read differently. A regular pattern goes to package regexp, in linear time. Lookaround,
// backreferences and multi-line anchors go to regexp2, cut off after 50 ms. The few patterns that regexp2 might answer
// differently are errors.
package jsregexp
