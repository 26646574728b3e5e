// Package requestheader allows requests that carry a header with an expected value, such as an API key.
package requestheader

import (
	"context"
	"crypto/subtle"
	"errors"
	"maps"
	"net/http"
	"slices"
	"unique"

	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the request_header plugin.
type Config struct {
	// Headers maps header names, in any case, to the value that allows the request, or to a list of such values.
	// One match is enough. Values are compared whole, case-sensitively and in constant time; characters are those of
	// Latin-1, as header fields are, and one outside of it never matches. Of a header that comes twice the values count
	// joined by ", ", but for Authorization, User-Agent and other single fields, whose first value counts. Required.
	Headers map[string]plugins.Values `json:"headers" secret:"true"`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	plugins.LintGuessable("headers", c.Headers, say)
}

// Plugin looks for headers.
type Plugin struct {
	headers []header
}

type header struct {
	name   string
	values []string
}

// New builds the plugin. An empty value, which an empty header would match, and one that is not text are errors in
// native tokens; in those of EAS's format the first allows and the second never matches.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	if c.Headers == nil {
		return nil, errors.New("headers: required")
	}
	if len(c.Headers) == 0 {
		env.Problem(errors.New("headers: empty: denies every request"))
	}
	p := &Plugin{headers: make([]header, 0, len(c.Headers))}
	n := 0
	for _, v := range c.Headers {
		n += len(v.Texts)
	}
	values := make([]string, 0, n) // of all headers, in one piece
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		first := len(values)
		values = appendValues(values, c.Headers[name], env.Within("headers."+name+": "))
		// There are few names in many tokens: one text does for all of them.
		p.headers = append(p.headers, header{unique.Make(http.CanonicalHeaderKey(name)).Value(), values[first:]})
	}
	return p, nil
}

// appendValues appends the values that a header can have.
func appendValues(values []string, v plugins.Values, env plugins.Env) []string {
	if v.Odd || v.Null {
		env.Problem(errors.New("want a string or a list of strings"))
	}
	for _, text := range v.Texts {
		value, ok := query.Latin1Bytes(string(text))
		if !ok {
			env.Problem(errors.New("a value has characters that no header can carry"))
			continue
		}
		if value == "" {
			env.Problem(errors.New("a value is empty"))
		}
		values = append(values, value)
	}
	return values
}

// Verify allows r when one of the headers has one of its values, else it denies with 403.
func (p *Plugin) Verify(_ context.Context, r *plugins.Request) (plugins.Result, error) {
	// Every value is compared, so that the time taken tells nothing about which came close.
	match := 0
	for i := range p.headers {
		h := &p.headers[i]
		got := r.Header[h.name]
		if h.name == "Host" {
			got = host(r) // net/http keeps it out of the headers
		}
		if len(got) == 0 {
			continue
		}
		value := httpfield.Join(h.name, got)
		for _, want := range h.values {
			match |= subtle.ConstantTimeCompare([]byte(value), []byte(want))
		}
	}
	if match == 1 {
		return plugins.Result{Verdict: plugins.Allow, Status: http.StatusOK}, nil
	}
	return plugins.Result{Status: http.StatusForbidden, Reason: "no header has an expected value"}, nil
}

// host returns the verify request's Host header.
func host(r *plugins.Request) []string {
	v, _ := r.Source.Brief().Get("headers")
	if headers, ok := v.(*query.Object); ok {
		host, _ := headers.Get("host")
		if text, ok := host.(string); ok {
			if bytes, ok := query.Latin1Bytes(text); ok {
				return []string{bytes}
			}
		}
	}
	return nil
}
