// Package query says what a query language is ([Engine]), what a compiled query is ([Query]), and which values go in
// and come out ([Value]). Package builtin makes the languages: the folders here are one each.
//
// A query is compiled once, with its config token, and evaluated for each request. It is bounded in time and memory and
// reaches nothing but its data. [Engines] are the languages by the names that tokens give them; [Engines.CompileNative]
// compiles as native tokens mean it.
//
// Values are JavaScript's, because the tokens were written for external-auth-server: objects keep the order of their
// keys, undefined is not null, numbers are float64, and [LooseEqual], [Truthy] and [ToString] are the operators of that
// language. They stand here because engines are made of them. JSON is read with [ParseJSON] and written with
// [AppendJSON].
//
// What a rule does with what a query finds is the business of package assertion.
package query
