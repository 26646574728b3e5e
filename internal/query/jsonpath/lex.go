package jsonpath

import (
	"fmt"
	"strings"
)

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokDollar
	tokDotDot
	tokDot
	tokStar
	tokName
	tokOpen
	tokClose
	tokComma
	tokSlice
	tokInt
	tokString
	tokScript
	tokFilter
)

type token struct {
	kind tokenKind
	// text is the lexeme; for strings what is between the quotes, whose escapes the reference leaves as they are.
	text string
	pos  int
}

// symbols are the tokens of one character.
var symbols = map[byte]tokenKind{'$': tokDollar, '.': tokDot, '*': tokStar, '[': tokOpen, ']': tokClose, ',': tokComma}

// lex splits expr by the reference's rules, of which the first that matches wins, however long the others' match is.
func lex(expr string) ([]token, error) {
	var toks []token
	for i := 0; i < len(expr); {
		rest := expr[i:]
		kind, n := tokEnd, 0
		switch c := rest[0]; {
		case strings.HasPrefix(rest, ".."):
			kind, n = tokDotDot, 2
		case symbols[c] != tokEnd:
			kind, n = symbols[c], 1
		case isNameStart(c):
			kind, n = tokName, scanName(rest)
		case c == '"' || c == '\'':
			kind, n = tokString, scanString(rest)
		case c == '(':
			kind, n = tokScript, scanParens(rest, 1)
		case c == '?' && strings.HasPrefix(rest, "?("):
			kind, n = tokFilter, scanParens(rest, 2)
		default:
			if n = scanSlice(rest); n > 0 {
				kind = tokSlice
			} else if n = scanInt(rest); n > 0 {
				kind = tokInt
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("jsonpath: unexpected character at offset %d", i)
		}
		text := rest[:n]
		if kind == tokString {
			text = text[1 : n-1]
		}
		toks = append(toks, token{kind, text, i})
		i += n
	}
	return append(toks, token{tokEnd, "", len(expr)}), nil
}

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func scanName(s string) int {
	i := 0
	for i < len(s) && (isNameStart(s[i]) || isDigit(s[i])) {
		i++
	}
	return i
}

// scanInt matches -?(0|[1-9][0-9]*).
func scanInt(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i == len(s) || !isDigit(s[i]):
		return 0
	case s[i] == '0':
		return i + 1
	}
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// scanSlice matches int?:int?(:int?)?.
func scanSlice(s string) int {
	i := scanInt(s)
	if i == len(s) || s[i] != ':' {
		return 0
	}
	i++
	i += scanInt(s[i:])
	if i < len(s) && s[i] == ':' {
		i++
		i += scanInt(s[i:])
	}
	return i
}

// scanString matches a quoted string in which a backslash is followed by the quote, one of bfnrt/\ or by u and four
// hex digits.
func scanString(s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case quote:
			return i + 1
		case '\\':
			i++
			switch {
			case i == len(s):
				return 0
			case s[i] == quote || strings.IndexByte(`bfnrt/\`, s[i]) >= 0:
			case s[i] == 'u' && len(s)-i > 4 && strings.Trim(s[i+1:i+5], "0123456789abcdefABCDEF") == "":
				i += 4
			default:
				return 0
			}
		}
	}
	return 0
}

// scanParens matches from the parenthesis that ends at from to the first `)` that `]` follows, on one line, with
// something between.
func scanParens(s string, from int) int {
	line := s
	if i := strings.IndexAny(s, "\n\r\u2028\u2029"); i >= 0 {
		line = s[:i]
	}
	if len(line) <= from {
		return 0
	}
	if i := strings.Index(line[from+1:], ")]"); i >= 0 {
		return from + 1 + i + 1
	}
	return 0
}
