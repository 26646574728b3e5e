package login

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// templates are the values of custom parameters, by name. Nil is none.
type templates map[string]query.Query

// custom are the parameters that a configuration adds.
type custom struct{ authorization, code, refresh, revoke templates }

func compileTemplates(of map[string]string, engines query.Engines) (templates, error) {
	if len(of) == 0 {
		return nil, nil
	}
	t := make(templates, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		q, err := engines.Compile("handlebars", of[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t[name] = q
	}
	return t, nil
}

// values renders the templates for r.
func (t templates) values(ctx context.Context, r *plugins.Request) (url.Values, error) {
	v := make(url.Values, len(t)+12)
	if len(t) == 0 {
		return v, nil
	}
	data := query.NewObject(2)
	data.Set("req", r.Source.Req())
	data.Set("parentReqInfo", r.Source.Parent())
	for name, q := range t {
		value, err := q.Eval(ctx, data)
		if err != nil {
			return nil, fmt.Errorf("custom parameter %s: %w", name, err)
		}
		text, err := query.ToString(value)
		if err != nil {
			return nil, fmt.Errorf("custom parameter %s: %w", name, err)
		}
		v.Set(name, text)
	}
	return v, nil
}
