package jsregexp

import (
	"errors"
	"fmt"
	"strings"
)

var errLiteral = errors.New("regexp: not of the form /pattern/flags")

const lineTerminators = "\n\r\u2028\u2029"

// split finds pattern and flags as external-auth-server does, with /\/(.*)\/(.*)/: from the first slash to the last
// one of its line; the flags end with the line. What stands before is ignored.
func split(literal string) (pattern, flags string, err error) {
	for {
		i := strings.IndexByte(literal, '/')
		if i < 0 {
			return "", "", errLiteral
		}
		literal = literal[i+1:]
		line := literal
		if end := strings.IndexAny(literal, lineTerminators); end >= 0 {
			line = literal[:end]
		}
		if last := strings.LastIndexByte(line, '/'); last >= 0 {
			return line[:last], line[last+1:], nil
		}
	}
}

// flags of a regular expression. g and d change nothing for one test().
type flags struct {
	ignoreCase, multiline, dotAll, unicode, sticky bool
}

func parseFlags(s string) (flags, error) {
	var f flags
	for i, c := range s {
		if strings.ContainsRune(s[:i], c) {
			return f, fmt.Errorf("regexp: flag %q twice", c)
		}
		switch c {
		case 'i':
			f.ignoreCase = true
		case 'm':
			f.multiline = true
		case 's':
			f.dotAll = true
		case 'u':
			f.unicode = true
		case 'y':
			f.sticky = true
		case 'g', 'd':
		case 'v':
			return f, errors.New("regexp: flag v is not supported")
		default:
			return f, fmt.Errorf("regexp: invalid flag %q", c)
		}
	}
	return f, nil
}
