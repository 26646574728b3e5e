package handlebars

import (
	"context"
	"errors"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

// errUnsupported: the template does not parse as text and plain paths. It may be richer, or wrong.
var errUnsupported = errors.New(
	"handlebars: only text and plain paths can be rendered without the reference implementation")

type engine struct{ fallback query.Engine }

// New returns the engine handlebars. What it does not render itself goes to fallback; if that is nil, such a template
// does not compile.
func New(fallback query.Engine) query.Engine { return engine{fallback} }

// Compile returns a query that yields a string.
func (e engine) Compile(text string) (query.Query, error) {
	t, ok := parse(text)
	switch {
	case ok:
		return t, nil
	case e.fallback != nil:
		return e.fallback.Compile(text)
	}
	return nil, errUnsupported
}

// A template is a list of texts and mustaches.
type template []piece

// A piece is text, or a path when path is not nil.
type piece struct {
	text string
	path *path
	// raw values are not escaped for HTML.
	raw bool
}

// A path leads from the data to a value.
type path struct {
	parts []string
	// root: it began with @root, by which a value that is falsy ends the path and is its result.
	root bool
}

func (t template) Eval(_ context.Context, data any) (any, error) {
	if len(t) == 1 {
		s, err := t[0].render(data)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	var b strings.Builder
	for _, p := range t {
		s, err := p.render(data)
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p piece) render(data query.Value) (string, error) {
	if p.path == nil {
		return p.text, nil
	}
	v := p.path.lookup(data)
	switch v.(type) {
	case nil, query.Undefined:
		return "", nil
	}
	s, err := query.ToString(v)
	if err != nil || p.raw {
		return s, err
	}
	return escape(s), nil
}

func (p *path) lookup(v query.Value) query.Value {
	for _, name := range p.parts {
		if p.root && !query.Truthy(v) {
			break
		}
		v = own(v, name)
	}
	return v
}

// own returns the member name of v; what a prototype has is not there.
func own(v query.Value, name string) query.Value {
	switch v := v.(type) {
	case *query.Object:
		found, _ := v.Get(name)
		return found
	case []any:
		if name == "length" {
			return float64(len(v))
		}
		if i, ok := query.ArrayIndex(name); ok && i < len(v) {
			return v[i]
		}
	case string:
		if name == "length" {
			return float64(query.Length(v))
		}
		if i, ok := query.ArrayIndex(name); ok {
			return query.CharAt(v, i)
		}
	}
	return query.Undefined{}
}

// escape is Handlebars.escapeExpression.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;",
	`"`, "&quot;", "'", "&#x27;", "`", "&#x60;", "=", "&#x3D;").Replace
