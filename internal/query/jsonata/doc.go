// Package jsonata is the engine jsonata (https://docs.jsonata.org). It evaluates the simple expressions that most rules
// are: paths of names, literals, =, !=, and, or, &, parentheses, and the functions $lowercase, $uppercase, $contains,
// $exists and $not.
//
// Every other expression goes to the reference implementation, the npm package in package sandbox. So does one that
// meets a list or an object on its way, where JSONata is subtle. What is evaluated here takes a hundredth of the time,
// and tests compare the two on thousands of expressions.
package jsonata
