package jq

import "github.com/itchyny/gojq"

// staticPath splits the keys off with which q begins, as .a.b does in `.a.b | f` and `.a.b[]`, and returns what
// is left to do with the value there.
func staticPath(q *gojq.Query) ([]string, *gojq.Query) {
	if len(q.FuncDefs) > 0 || len(q.Patterns) > 0 || q.Meta != nil || len(q.Imports) > 0 {
		return nil, q
	}
	switch {
	case q.Op == gojq.OpPipe:
		keys, left := staticPath(q.Left)
		if len(keys) == 0 {
			return nil, q
		}
		if isIdentity(left) {
			return keys, q.Right
		}
		rest := *q
		rest.Left = left
		return keys, &rest
	case q.Term != nil && q.Op == 0:
		keys, term := termPath(q.Term)
		if len(keys) == 0 {
			return nil, q
		}
		return keys, &gojq.Query{Term: term}
	}
	return nil, q
}

func termPath(t *gojq.Term) ([]string, *gojq.Term) {
	if t.Type != gojq.TermTypeIndex && t.Type != gojq.TermTypeIdentity {
		return nil, t
	}
	for _, s := range t.SuffixList {
		if s.Optional { // it catches the errors of the path before it
			return nil, t
		}
	}
	var keys []string
	if t.Type == gojq.TermTypeIndex {
		key, ok := literalKey(t.Index)
		if !ok {
			return nil, t
		}
		keys = append(keys, key)
	}
	rest := t.SuffixList
	for len(rest) > 0 && rest[0].Index != nil {
		key, ok := literalKey(rest[0].Index)
		if !ok {
			break
		}
		keys = append(keys, key)
		rest = rest[1:]
	}
	return keys, &gojq.Term{Type: gojq.TermTypeIdentity, SuffixList: rest}
}

// literalKey returns the key of .name, ."name" and .["name"].
func literalKey(i *gojq.Index) (string, bool) {
	switch {
	case i.IsSlice:
		return "", false
	case i.Name != "":
		return i.Name, true
	case i.Str != nil:
		return i.Str.Str, i.Str.Queries == nil
	case i.Start != nil && i.Start.Term != nil && i.Start.Op == 0 && len(i.Start.FuncDefs) == 0 &&
		i.Start.Term.Type == gojq.TermTypeString && len(i.Start.Term.SuffixList) == 0:
		return i.Start.Term.Str.Str, i.Start.Term.Str.Queries == nil
	}
	return "", false
}

func isIdentity(q *gojq.Query) bool {
	return q.Term != nil && q.Op == 0 && q.Term.Type == gojq.TermTypeIdentity &&
		len(q.Term.SuffixList) == 0 && len(q.FuncDefs) == 0 && len(q.Patterns) == 0
}
