package jq

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

const (
	// maxRestricted bounds the text of a stranger's query, in bytes.
	maxRestricted = 1024
	// maxCopies is how many places of a stranger's query may use a value twice: commas, sums, members of
	// constructors, interpolations. Each of them doubles what the one before made.
	maxCopies = 16
)

// allowed are the functions, by their number of arguments, that strangers may call: none loops, recurses by
// more than the data's depth, updates or sees anything but its input.
var allowed = map[string][]int{
	"empty": {0}, "not": {0}, "length": {0}, "keys": {0}, "keys_unsorted": {0}, "values": {0}, "type": {0}, "add": {0},
	"has": {1}, "select": {1}, "map": {1}, "first": {0, 1}, "last": {0, 1}, "nth": {1}, "any": {0, 1}, "all": {0, 1},
	"isempty": {1}, "ascii_downcase": {0}, "ascii_upcase": {0}, "ltrimstr": {1}, "rtrimstr": {1}, "startswith": {1},
	"endswith": {1}, "contains": {1}, "inside": {1}, "index": {1}, "rindex": {1}, "split": {1}, "join": {1},
	"test": {1, 2}, "tostring": {0}, "tonumber": {0}, "fromjson": {0}, "to_entries": {0}, "from_entries": {0},
	"strings": {0}, "numbers": {0}, "booleans": {0}, "arrays": {0}, "objects": {0}, "nulls": {0}, "scalars": {0},
	"unique": {0}, "sort": {0}, "reverse": {0}, "min": {0}, "max": {0}, "floor": {0}, "error": {0},
}

// checkStranger reports what in q a stranger may not use.
func checkStranger(q *gojq.Query) error {
	left := maxCopies
	return visit(q, func(node any) error {
		copies, err := checkStrangerNode(node)
		if left -= copies; left < 0 {
			err = errors.New("too many constructors, commas and sums")
		}
		return err
	})
}

// checkStrangerNode also returns how many copies of a value node may make.
func checkStrangerNode(node any) (copies int, err error) {
	switch n := node.(type) {
	case *gojq.Query:
		if len(n.FuncDefs) > 0 || len(n.Patterns) > 0 {
			return 0, errors.New("definitions and variables are not available")
		}
		switch n.Op {
		case 0, gojq.OpPipe, gojq.OpSub, gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe,
			gojq.OpAnd, gojq.OpOr, gojq.OpAlt:
			return 0, nil
		case gojq.OpComma, gojq.OpAdd:
			return 1, nil
		}
		return 0, fmt.Errorf("operator %s is not available", n.Op)
	case *gojq.Term:
		switch n.Type {
		case gojq.TermTypeIdentity, gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber,
			gojq.TermTypeIndex, gojq.TermTypeFunc, gojq.TermTypeObject, gojq.TermTypeArray, gojq.TermTypeUnary,
			gojq.TermTypeFormat, gojq.TermTypeString, gojq.TermTypeIf, gojq.TermTypeTry, gojq.TermTypeQuery:
			return 0, nil
		}
		return 0, errors.New("loops, labels and recursion are not available")
	case *gojq.Func:
		if !slices.Contains(allowed[n.Name], len(n.Args)) {
			return 0, fmt.Errorf("%s/%d is not available", n.Name, len(n.Args))
		}
	case *gojq.Array:
		return 1, nil
	case *gojq.String:
		return len(n.Queries), nil
	case *gojq.Object:
		return len(n.KeyVals), nil
	case *gojq.ObjectKeyVal:
		if strings.HasPrefix(n.Key, "$") {
			return 0, errors.New("variables are not available")
		}
	}
	return 0, nil
}
