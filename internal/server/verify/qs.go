package verify

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// Limits of the npm package qs, which Express parses queries with.
const (
	qsParameters = 1000
	qsDepth      = 5
	qsArray      = 20
)

// parseQuery reads a URL's query as Express shows it: a=1&a=2 is a list, a[b]=1 an object, a[0]=1 a list.
func parseQuery(raw string) *query.Object {
	var b query.Builder
	n := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if n++; n > qsParameters {
			break
		}
		key, value, _ := strings.Cut(pair, "=")
		if i := strings.Index(pair, "]="); i >= 0 {
			key, value = pair[:i+1], pair[i+2:]
		}
		path := qsPath(qsUnescape(key))
		if path[0] == "" && len(path) == 1 {
			continue
		}
		v, _ := b.Get(path[0])
		b.Set(path[0], qsSet(v, path[1:], qsUnescape(value)))
	}
	o := b.Object()
	for i := range o.Len() {
		k, v := o.At(i)
		o.Set(k, qsCompact(v))
	}
	return o
}

// qsPath splits a[b][c] into its parts; what is nested deeper than qsDepth stays one part, brackets and all.
func qsPath(key string) []string {
	open := strings.IndexByte(key, '[')
	if open <= 0 || !strings.Contains(key[open:], "]") {
		return []string{key}
	}
	path := []string{key[:open]}
	rest := key[open:]
	for len(path) <= qsDepth && strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		path = append(path, rest[1:end])
		rest = rest[end+1:]
	}
	if strings.HasPrefix(rest, "[") {
		path = append(path, rest)
	}
	return path
}

func qsSet(at query.Value, path []string, value string) query.Value {
	if len(path) == 0 {
		switch at := at.(type) {
		case query.Undefined:
			return value
		case []any:
			return append(at, value)
		case *query.Object:
			at.Set(value, true)
			return at
		}
		return []any{at, value}
	}
	key, rest := path[0], path[1:]
	index, err := strconv.Atoi(key)
	isIndex := err == nil && index >= 0 && index <= qsArray && strconv.Itoa(index) == key
	switch at := at.(type) {
	case query.Undefined:
		switch {
		case key == "" && len(rest) == 0:
			return []any{value}
		case key == "":
			return []any{qsSet(query.Undefined{}, rest, value)}
		case isIndex:
			a := make([]any, index+1)
			for i := range a {
				a[i] = query.Undefined{}
			}
			a[index] = qsSet(query.Undefined{}, rest, value)
			return a
		}
		o := &query.Object{}
		o.Set(key, qsSet(query.Undefined{}, rest, value))
		return o
	case []any:
		if key == "" {
			return append(at, qsSet(query.Undefined{}, rest, value))
		}
		if isIndex {
			for len(at) <= index {
				at = append(at, query.Undefined{})
			}
			at[index] = qsSet(at[index], rest, value)
			return at
		}
		o := &query.Object{}
		for i, v := range at {
			if _, hole := v.(query.Undefined); !hole {
				o.Set(strconv.Itoa(i), v)
			}
		}
		o.Set(key, qsSet(query.Undefined{}, rest, value))
		return o
	case *query.Object:
		v, _ := at.Get(key)
		at.Set(key, qsSet(v, rest, value))
		return at
	}
	return []any{at, qsSet(query.Undefined{}, path, value)}
}

// qsCompact closes the holes that sparse indexes leave.
func qsCompact(v query.Value) query.Value {
	switch v := v.(type) {
	case []any:
		dense := v[:0]
		for _, e := range v {
			if _, hole := e.(query.Undefined); !hole {
				dense = append(dense, qsCompact(e))
			}
		}
		return dense
	case *query.Object:
		for i := range v.Len() {
			k, e := v.At(i)
			v.Set(k, qsCompact(e))
		}
	}
	return v
}

func qsUnescape(s string) string {
	text, err := url.QueryUnescape(s)
	if err != nil {
		return query.Latin1(strings.ReplaceAll(s, "+", " "))
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
