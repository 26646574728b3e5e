// Package document reads YAML or JSON that a person wrote, for commands, configuration, stores and tokens alike, and
// knows where each thing stood. [Convert] is strict; [ConvertLoosely] takes all that external-auth-server takes.
//
// Keys keep their order and numbers their digits, because config tokens are hashed and printed as they were written.
// Anchors, aliases and merge keys are expanded, up to a size. Errors name a place and never quote the text, which may
// hold secrets.
package document

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxSize is how many bytes of JSON a document may expand to: a few lines of nested aliases ask for gigabytes.
	MaxSize = 4 << 20
	// maxLoose is the same for stores, which may hold tokens of a hundred thousand services.
	maxLoose = 256 << 20
	maxDepth = 200
)

// A Position is a place in the text, both counted from 1.
type Position struct{ Line, Column int }

// An Error is a fault of the text at a place in it.
type Error struct {
	Position
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// A Member is a key of the document's top-level mapping.
type Member struct {
	Name  string
	Value json.RawMessage
	// Key and At are where the key and its value stand.
	Key, At Position
}

// Convert returns text, one JSON or YAML value, as compact JSON. Repeated keys are errors.
func Convert(text []byte) (json.RawMessage, error) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	start := bytes.TrimLeft(text, " \t\r\n")
	// JSON goes through encoding/json, which knows its escapes better than a YAML reader does.
	if bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[")) {
		out, err := convertJSON(text)
		if err == nil || errors.Is(err, errMeaning) {
			return out, err
		}
		if out, yamlErr := convertYAML(text, false); yamlErr == nil || !meantAsJSON(start) {
			return out, yamlErr // YAML's {a: 1}
		}
		return nil, err
	}
	return convertYAML(text, false)
}

// ConvertLoosely returns text, one JSON or YAML value, as JSON: text that is JSON comes back as it is, to the byte,
// and of a key that is there twice the reader takes the last; an empty document and infinity are null, as
// JSON.stringify has it. YAML with a key twice is an error here too.
func ConvertLoosely(text []byte) (json.RawMessage, error) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	var raw json.RawMessage
	jsonErr := json.Unmarshal(text, &raw)
	if jsonErr == nil {
		return text, nil
	}
	out, err := convertYAML(text, true)
	if err != nil && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil, brokenJSON(text, jsonErr)
	}
	return out, err
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// meantAsJSON tells broken JSON from broken YAML, for the better message: JSON's first key is quoted.
func meantAsJSON(start []byte) bool {
	rest := bytes.TrimLeft(start, " \t\r\n{[")
	return len(rest) == 0 || rest[0] == '"'
}

func convertYAML(text []byte, loose bool) (json.RawMessage, error) {
	n, err := parse(text)
	if err != nil {
		return nil, err
	}
	w := writer{loose: loose, limit: MaxSize}
	switch {
	case loose:
		w.limit = maxLoose
	case n == nil:
		return nil, &Error{Position{1, 1}, errors.New("the document is empty")}
	}
	w.node(n, 0)
	return w.b, w.err
}

// Members returns the members of text's top-level mapping in order. An empty document has none.
func Members(text []byte) ([]Member, error) {
	n, err := parse(text)
	if n == nil || err != nil {
		return nil, err
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil, &Error{at(n), errors.New("want a mapping (key: value) at the top level")}
	}
	w := writer{limit: MaxSize}
	w.anchorsIn(n)
	var members []Member
	for _, v := range m.Values {
		w.b = nil
		w.node(v.Value, 0)
		if w.err != nil {
			return nil, w.err
		}
		members = append(members, Member{Name: keyText(v.Key), Value: w.b, Key: at(v.Key), At: at(v.Value)})
	}
	return members, nil
}

// Locate returns where the key at path stands in text, or the deepest of its parents that is there.
// It returns false for text without even the first.
func Locate(text []byte, path ...string) (at Position, ok bool) {
	n, err := parse(text)
	if err != nil {
		return Position{}, false
	}
	for _, name := range path {
		m, isMapping := n.(*ast.MappingNode)
		if !isMapping {
			break
		}
		i := slices.IndexFunc(m.Values, func(v *ast.MappingValueNode) bool { return keyText(v.Key) == name })
		if i < 0 {
			break
		}
		p := m.Values[i].Key.GetToken().Position
		at, ok, n = Position{p.Line, p.Column}, true, m.Values[i].Value
	}
	return at, ok
}

func parse(text []byte) (ast.Node, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		var se *yaml.SyntaxError
		if errors.As(err, &se) && se.GetToken() != nil {
			p := se.GetToken().Position
			return nil, &Error{Position{p.Line, p.Column}, errors.New(se.GetMessage())}
		}
		return nil, &Error{Position{1, 1}, err}
	}
	var body ast.Node
	for _, d := range f.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType:
		case body != nil:
			return nil, &Error{at(d.Body), errors.New("want one document, found a second")}
		default:
			body = d.Body
		}
	}
	return body, nil
}

func at(n ast.Node) Position {
	// A block mapping's own token is its first colon; people count from the first key.
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	p := n.GetToken().Position
	return Position{p.Line, p.Column}
}

func keyText(k ast.MapKeyNode) string {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value
	case *ast.NullNode:
		return "null"
	case *ast.IntegerNode:
		return fmt.Sprint(k.Value)
	}
	return k.GetToken().Value
}

type writer struct {
	loose bool
	limit int

	b       []byte
	err     error
	anchors map[string]ast.Node
}

func (w *writer) fail(n ast.Node, format string, args ...any) {
	if w.err == nil {
		w.err = &Error{at(n), fmt.Errorf(format, args...)}
	}
}

// anchorsIn collects the anchors of the whole document, for a caller that writes it in pieces.
func (w *writer) anchorsIn(n ast.Node) {
	for _, a := range ast.Filter(ast.AnchorType, n) {
		w.anchor(a.(*ast.AnchorNode))
	}
}

func (w *writer) anchor(a *ast.AnchorNode) {
	if w.anchors == nil {
		w.anchors = map[string]ast.Node{}
	}
	w.anchors[a.Name.GetToken().Value] = a.Value
}

func (w *writer) node(n ast.Node, depth int) {
	if w.err != nil {
		return
	}
	if depth > maxDepth || len(w.b) > w.limit {
		w.fail(n, "the document is too deep, or its aliases expand to more than %d MB", w.limit>>20)
		return
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		w.b = append(w.b, "null"...)
	case *ast.BoolNode:
		w.b = fmt.Appendf(w.b, "%t", n.Value)
	case *ast.IntegerNode:
		w.number(n.Token, n.Value)
	case *ast.FloatNode:
		w.number(n.Token, n.Value)
	case *ast.InfinityNode, *ast.NanNode:
		if w.loose {
			w.b = append(w.b, "null"...)
			return
		}
		w.fail(n, "%s has no JSON form", n.GetToken().Value)
	case *ast.StringNode:
		if n.Token.Type == token.StringType && jsonNumber.MatchString(n.Value) {
			w.b = append(w.b, n.Value...) // the YAML reader takes 1e3 for text; YAML 1.2 §10.3.2 does not
			return
		}
		w.text(n.Value)
	case *ast.LiteralNode:
		w.text(n.Value.Value)
	case *ast.SequenceNode:
		w.b = append(w.b, '[')
		for i, v := range n.Values {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.node(v, depth+1)
		}
		w.b = append(w.b, ']')
	case *ast.MappingNode:
		w.mapping(n, depth)
	case *ast.AnchorNode:
		w.anchor(n)
		w.node(n.Value, depth+1)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		target, ok := w.anchors[name]
		if !ok {
			w.fail(n, "no anchor &%s stands before this alias", name)
			return
		}
		w.node(target, depth+1)
	case *ast.TagNode:
		w.tagged(n, depth)
	default:
		w.fail(n, "%s is not supported here", strings.ToLower(n.Type().String()))
	}
}

// tagged writes !!str 5 as "5" and refuses what JSON cannot say.
func (w *writer) tagged(n *ast.TagNode, depth int) {
	switch n.Start.Value {
	case "!!str":
		if _, ok := n.Value.(ast.ScalarNode); ok {
			w.text(n.Value.GetToken().Value)
			return
		}
	case "!!binary":
		if text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value.GetToken().Value),
			"")); err == nil {
			w.text(string(text))
			return
		}
	case "!!map", "!!seq", "!!int", "!!float", "!!bool", "!!null":
		w.node(n.Value, depth+1)
		return
	}
	w.fail(n, "the tag %s is not supported here", n.Start.Value)
}

type pair struct {
	key   string
	value ast.Node
}

func (w *writer) mapping(n *ast.MappingNode, depth int) {
	w.b = append(w.b, '{')
	for i, p := range w.pairs(n, depth) {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.text(p.key)
		w.b = append(w.b, ':')
		w.node(p.value, depth+1)
	}
	w.b = append(w.b, '}')
}

// pairs lists a mapping's members with merge keys (<<) expanded; a key of its own wins over a merged one.
func (w *writer) pairs(n *ast.MappingNode, depth int) []pair {
	own := map[string]bool{}
	for _, v := range n.Values {
		if !v.Key.IsMergeKey() {
			own[keyText(v.Key)] = true
		}
	}
	var out []pair
	for _, v := range n.Values {
		if !v.Key.IsMergeKey() {
			if a, ok := v.Value.(*ast.AnchorNode); ok {
				w.anchor(a)
			}
			out = append(out, pair{keyText(v.Key), v.Value})
			continue
		}
		for _, p := range w.merged(v.Value, depth) {
			if !own[p.key] {
				own[p.key] = true
				out = append(out, p)
			}
		}
	}
	return out
}

func (w *writer) merged(n ast.Node, depth int) []pair {
	if depth > maxDepth {
		w.fail(n, "merge keys are nested too deep")
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return w.pairs(n, depth+1)
	case *ast.AliasNode:
		if target, ok := w.anchors[n.Value.GetToken().Value]; ok {
			return w.merged(target, depth+1)
		}
		w.fail(n, "no anchor &%s stands before this alias", n.Value.GetToken().Value)
	case *ast.SequenceNode:
		var out []pair
		for _, v := range n.Values {
			out = append(out, w.merged(v, depth+1)...)
			if len(out) > w.limit/8 {
				w.fail(n, "merge keys expand to too much")
				return nil
			}
		}
		return out
	default:
		w.fail(n, "<< merges mappings only")
	}
	return nil
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number keeps the digits as they were written if JSON writes numbers so too.
func (w *writer) number(t *token.Token, v any) {
	if jsonNumber.MatchString(t.Value) {
		w.b = append(w.b, t.Value...)
		return
	}
	w.b = fmt.Append(w.b, v)
}

func (w *writer) text(s string) {
	if plain(s) { // most are, and there may be a hundred thousand
		w.b = append(append(append(w.b, '"'), s...), '"')
		return
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always has a JSON form
	w.b = append(w.b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// plain reports whether s stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
