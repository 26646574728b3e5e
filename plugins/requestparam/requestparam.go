// Package requestparam allows requests whose query carries a parameter with an expected value.
package requestparam

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the request_param plugin.
type Config struct {
	// Params maps parameters of the parent request's query, in their exact case, to the value that allows the request,
	// or to a list of such values. One match is enough. Values are compared whole, after decoding, in constant time.
	// A null stands for a parameter without "=". A parameter that comes twice never matches. Required.
	Params map[string]plugins.Values `json:"params" secret:"true"`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	plugins.LintGuessable("params", c.Params, say)
	say("a secret in a URL ends up in logs and histories; request_header does not")
}

// Plugin looks for query parameters.
type Plugin struct {
	params []param
}

type param struct {
	name string
	plugins.Values
}

// New builds the plugin. Values that can never match are errors in native tokens and ignored in those of EAS's format.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	if c.Params == nil {
		return nil, errors.New("params: required")
	}
	if len(c.Params) == 0 {
		env.Problem(errors.New("params: empty: denies every request"))
	}
	p := &Plugin{params: make([]param, 0, len(c.Params))}
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		v := c.Params[name]
		if v.Odd {
			env.Problem(fmt.Errorf("params.%s: want a string or a list of strings", name))
		}
		p.params = append(p.params, param{name: name, Values: v})
	}
	return p, nil
}

// Verify allows r when one of the parameters has one of its values, else it denies with 403.
func (p *Plugin) Verify(_ context.Context, r *plugins.Request) (plugins.Result, error) {
	parsed, _ := r.Source.Parent().Get("parsedQuery")
	q, ok := parsed.(*query.Object)
	if !ok {
		q = &query.Object{}
	}
	// Every value is compared, so that the time taken tells nothing about which came close.
	match := 0
	for i := range p.params {
		want := &p.params[i]
		v, ok := q.Get(want.name)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			for _, text := range want.Texts {
				match |= subtle.ConstantTimeCompare([]byte(v), []byte(text))
			}
		case nil:
			if want.Null {
				match = 1
			}
		}
	}
	if match == 1 {
		return plugins.Result{Verdict: plugins.Allow, Status: http.StatusOK}, nil
	}
	return plugins.Result{Status: http.StatusForbidden, Reason: "no parameter has an expected value"}, nil
}
