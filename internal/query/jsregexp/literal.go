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

// flags are those that change what one test() says; g and d do not.
type flags struct {
	ignoreCase, multiline, dotAll, unicode, sticky bool
}

func parseFlags(s string) (flags, error) {
	for i, c := range s {
		switch {
		case strings.ContainsRune(s[:i], c):
			return flags{}, fmt.Errorf("regexp: flag %q twice", c)
		case c == 'v':
			return flags{}, errors.New("regexp: flag v is not supported")
		case !strings.ContainsRune("dgimsuy", c):
			return flags{}, fmt.Errorf("regexp: invalid flag %q", c)
		}
	}
	has := func(flag string) bool { return strings.Contains(s, flag) }
	return flags{has("i"), has("m"), has("s"), has("u"), has("y")}, nil
}
