package jq

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"
)

// forbidden are the names that reach beyond the data, or say something about this program.
var forbidden = map[string]bool{
	"$ENV": true, "env": true, "input": true, "inputs": true, "debug": true, "stderr": true, "halt": true,
	"halt_error": true, "input_filename": true, "input_line_number": true, "modulemeta": true, "builtins": true,
	"get_search_list": true,
}

// visit calls f for each node of a syntax tree of gojq's, outer ones first and otherwise in their order, up to an
// error.
func visit(node any, f func(node any) error) error {
	v := reflect.ValueOf(node)
	if v.IsNil() {
		return nil
	}
	if err := f(node); err != nil {
		return err
	}
	for _, field := range v.Elem().Fields() {
		if field.Kind() == reflect.Pointer {
			if err := visit(field.Interface(), f); err != nil {
				return err
			}
		}
		if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Pointer {
			continue
		}
		for i := range field.Len() {
			if err := visit(field.Index(i).Interface(), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// check reports what no query may use; with native, also regular expressions that do not compile.
func check(q *gojq.Query, native bool) error {
	own := make(map[string]bool)
	available := func(name string) error {
		if forbidden[name] || strings.HasPrefix(name, "_easgate_") || strings.HasPrefix(name, "$__") {
			return fmt.Errorf("%s is not available", name)
		}
		return nil
	}
	return visit(q, func(node any) error {
		switch n := node.(type) {
		case *gojq.Query:
			switch {
			case n.Meta != nil || len(n.Imports) > 0:
				return errors.New("modules are not available")
			case n.Op == gojq.OpUpdateMul: // gojq makes this product itself, where no guard reaches
				return errors.New("*= is not available; use |= and *")
			}
		case *gojq.FuncDef:
			own[n.Name] = true
			for _, param := range n.Args {
				own[param] = true
			}
			return available(n.Name)
		case *gojq.ObjectKeyVal:
			if strings.HasPrefix(n.Key, "$") { // {$ENV}
				return available(n.Key)
			}
		case *gojq.Func:
			if err := available(n.Name); err != nil || !native || own[n.Name] {
				return err
			}
			return checkRegexp(n)
		}
		return nil
	})
}

// checkRegexp is about a regular expression that stands in a call: that it does not compile would show with the first
// request only.
func checkRegexp(f *gojq.Func) error {
	flags := 1
	switch f.Name {
	case "test", "match", "capture", "scan", "splits":
	case "split":
		if len(f.Args) != 2 {
			return nil
		}
	case "sub", "gsub":
		flags = 2
	default:
		return nil
	}
	if len(f.Args) == 0 || !isLiteral(f.Args[0]) {
		return nil
	}
	args := []*gojq.Query{f.Args[0]}
	if len(f.Args) > flags && isLiteral(f.Args[flags]) {
		args = append(args, f.Args[flags])
	}
	empty := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeString, Str: &gojq.String{}}}
	code, err := gojq.Compile(pipe(empty, call("test", args...)))
	if err != nil {
		return err
	}
	if err, failed := firstOf(code.Run(nil)).(error); failed {
		if _, syntax := regexp.Compile(f.Args[0].Term.Str.Str); syntax != nil {
			err = syntax
		}
		return fmt.Errorf("%s: %w; regular expressions are Go's here, the rule method regex has JavaScript's", f.Name, err)
	}
	return nil
}

func firstOf(iter gojq.Iter) any {
	v, _ := iter.Next()
	return v
}

// isLiteral reports whether q is a text as it stands.
func isLiteral(q *gojq.Query) bool {
	return q.Term != nil && q.Op == 0 && len(q.FuncDefs) == 0 && q.Term.Type == gojq.TermTypeString &&
		q.Term.Str.Queries == nil && len(q.Term.SuffixList) == 0
}
