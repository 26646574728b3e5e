package verify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/query"
)

// Params are the verify parameters of one verify URL, parsed and compiled once: a proxy sends the same ones for every
// request of a route.
type Params struct {
	selector pipeline.Selector
	// fallback is the index of the fallback plugin, -1 for none.
	fallback int
	// profile is meant only if hasProfile is set.
	profile    parent.Profile
	hasProfile bool
	// strip says that the route's middleware always sets X-Replaced-Path and X-Forwarded-Prefix.
	strip bool
	// redirect replaces the status of a redirect; 0 leaves it.
	redirect int
	// err is why the parameters name no token; it denies every request.
	err error
	// until is when err is no longer remembered, 0 for never.
	until int64
}

// Err is why the parameters name no token.
func (p *Params) Err() error { return p.err }

// BadParams are parameters that name no token, because of err.
func BadParams(err error) *Params { return &Params{fallback: -1, err: err} }

// TokenParams select the token of ref.
func TokenParams(ref pipeline.Reference) *Params {
	return &Params{selector: pipeline.Selector{Reference: ref}, fallback: -1}
}

// URLParams reads the query of a verify URL. What it says is remembered.
func (v *Verifier) URLParams(raw string) *Params {
	if p := v.known(raw); p != nil {
		return p
	}
	if len(raw) > MaxURL {
		return parseParams(raw, v.cfg.URLQueries)
	}
	return v.load(raw, func() *Params { return parseParams(raw, v.cfg.URLQueries) })
}

// JSONParams reads the JSON object that stands for a verify URL's query where a proxy sends one. It is remembered too.
func (v *Verifier) JSONParams(text string) *Params {
	key := "json " + text // no URL query starts like this
	if p := v.known(key); p != nil {
		return p
	}
	return v.load(key, func() *Params { return parseJSONParams(text, v.cfg.URLQueries) })
}

// momentPause is how long a verify URL whose queries could not be compiled at the moment is refused without trying
// again.
const momentPause = time.Second

// known returns what is remembered under key, nil for nothing.
func (v *Verifier) known(key string) *Params {
	p, ok := v.params.GetIfPresent(key)
	if ok && p.until != 0 && v.cfg.Now().UnixNano() >= p.until {
		v.params.Invalidate(key)
		return nil
	}
	return p
}

// load remembers under key what parse returns. Those who ask at the same time share the work; what failed for the
// moment only is tried once more, and then refused until a pause is over.
func (v *Verifier) load(key string, parse func() *Params) *Params {
	load := func(context.Context, string) (p *Params, _ error) {
		err := query.Again(func() error {
			p = parse()
			return p.err
		})
		if errors.Is(err, query.ErrMoment) {
			p.until = v.cfg.Now().Add(momentPause).UnixNano()
		}
		return p, nil
	}
	p, err := v.params.Get(context.Background(), key, otter.LoaderFunc[string, *Params](load))
	if err != nil { // the loader panicked
		return BadParams(err)
	}
	return p
}

var (
	errTwice      = errors.New("given twice")
	errQueriesOff = errors.New("queries in the verify URL are switched off")
)

// values are verify parameters before they are understood.
type values map[string]query.Value

// parseParams reads the verify parameters of a URL's query. A name that comes twice is an error: which one counts is
// for nobody to guess.
func parseParams(raw string, engines query.Engines) *Params {
	v := values{}
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			continue
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			continue
		}
		key, list := strings.CutSuffix(key, "[]")
		if _, twice := v[key]; twice {
			if slices.Contains(parameters, key) {
				return BadParams(fmt.Errorf("verify parameter %s: %w", key, errTwice))
			}
			continue
		}
		v[key] = value
		if list { // as in Express: no text, so no token
			v[key] = []any{value}
		}
	}
	return v.parse(engines)
}

// parseJSONParams reads verify parameters from the JSON object that the Envoy endpoints and a trusted proxy send.
func parseJSONParams(text string, engines query.Engines) *Params {
	v, err := query.ParseJSON([]byte(text))
	o, ok := v.(*query.Object)
	if err != nil || !ok {
		return BadParams(errors.New("verify parameters: want a JSON object"))
	}
	vs := values{}
	for i := range o.Len() {
		k, e := o.At(i)
		vs[k] = e
	}
	return vs.parse(engines)
}

// parameters are what a verify URL may say; any other is ignored.
var parameters = []string{
	"config_token", "config_token_id", "config_token_store_id", "fallback_plugin", "redirect_http_code", "proxy", "strip",
	"config_token_id_query", "config_token_id_query_engine", "config_token_store_id_query",
	"config_token_store_id_query_engine",
}

func (v values) text(name string) string {
	switch t := v[name].(type) {
	case string:
		return t
	case float64:
		return query.Number(t)
	}
	return ""
}

func (v values) parse(engines query.Engines) *Params {
	p := &Params{fallback: -1}
	p.selector.Token = v.text("config_token")
	if p.selector.Token == "" {
		p.selector.Pointer = configtoken.Pointer{StoreID: v.text("config_token_store_id"), TokenID: v.text("config_token_id")}
		q := pipeline.Queries{StoreID: p.compile(v, "config_token_store_id", engines),
			TokenID: p.compile(v, "config_token_id", engines)}
		if q != (pipeline.Queries{}) {
			p.selector.Queries = &q
		}
	}
	// EAS compares the index with JavaScript's ==, so "0x1" is 1; a JSON 0 counts as absent.
	if fallback := v["fallback_plugin"]; fallback != nil && fallback != 0.0 && fallback != "" {
		if n, err := query.ToNumber(fallback); err == nil && n >= 0 && n < 1<<20 && n == float64(int(n)) {
			p.fallback = int(n)
		}
	}
	if name := v.text("proxy"); name != "" {
		profile, ok := parent.ParseProfile(name)
		if !ok {
			p.err = fmt.Errorf("verify parameter proxy: unknown profile %q", name)
		}
		p.profile, p.hasProfile = profile, ok
	}
	p.strip = v.text("strip") == "trust"
	if code := v.text("redirect_http_code"); code != "" {
		n, err := strconv.Atoi(code)
		if err != nil || n < 300 || n > 499 {
			p.err = errors.New("verify parameter redirect_http_code: want a status from 300 to 499")
		} else {
			p.redirect = n
		}
	}
	return p
}

// compile compiles a *_query parameter, unless the id itself is there.
func (p *Params) compile(v values, id string, engines query.Engines) query.Query {
	expr, engine := v.text(id+"_query"), v.text(id+"_query_engine")
	if v.text(id) != "" || expr == "" || engine == "" {
		return nil
	}
	if engines == nil {
		p.err = fmt.Errorf("verify parameter %s_query: %w", id, errQueriesOff)
		return nil
	}
	q, err := engines.Compile(engine, expr)
	if err != nil {
		p.err = fmt.Errorf("verify parameter %s_query: %w", id, err)
	}
	return q
}

// weight estimates the bytes that p holds, for the cache's bound.
func (p *Params) weight() uint32 {
	w := 256 + len(p.selector.Token) + len(p.selector.Pointer.StoreID) + len(p.selector.Pointer.TokenID)
	if p.selector.Queries != nil {
		w += 8 << 10
	}
	return uint32(w) // a verify URL is at most 64 KB
}
