package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Options change how one request is decided.
type Options struct {
	// Fallback is the index of the step whose answer is given when none allows; -1 for the last one's.
	Fallback int
	// OmitFailed leaves out custom headers whose value cannot be had, as EAS does, instead of sending them empty.
	OmitFailed bool
	// Trace, if not nil, is told about every step, for explain.
	Trace func(Event)
}

// A Decision is the answer to one request. The zero value is not used: Decide always fills in a result.
type Decision struct {
	// Result is what to send; only Verdict Allow comes with a 2xx status.
	Result plugins.Result
	// Step is the index of the plugin that decided, -1 if none did; Plugin is its type.
	Step   int
	Plugin string
	// Err is our failure, when the answer is one.
	Err error
	// Unsent is how many custom headers should have had a value and have none.
	Unsent int
}

// An Event is one thing that happened while deciding.
type Event struct {
	Step   int
	Plugin string
	// Kind is token, rule, skip, verify, stop, header or answer.
	Kind string
	// Text says what came of it, without secrets; of Kind token what queries found in the request.
	Text string
	// Rule is the rule that was asked, of Kind rule. Its values may be secrets.
	Rule *assertion.Judgement
}

// fault is the answer to a failure of ours.
func fault(step int, kind string, err error) Decision {
	return Decision{Result: plugins.Result{Status: http.StatusServiceUnavailable}, Step: step, Plugin: kind, Err: err}
}

var (
	errNoPlugin = errors.New("no plugin answered")
	errMismatch = errors.New("status does not fit the verdict")
)

// Decide runs the steps in order. The first that allows wins; else a stop rule, the fallback step or the last one
// gives the answer. A failure or a panic is never more than a denial.
func (p *Pipeline) Decide(ctx context.Context, r *plugins.Request, o Options) Decision {
	if p.whole != nil {
		r.Token = p.whole
	}
	var tried string
	d := p.run(ctx, r, o, &tried)
	d.Result.Tried = tried
	if p.whole != nil {
		if h := p.customHeaders(&d, o.OmitFailed); h != (custom{}) {
			d = p.whole.setHeaders(ctx, r, o, d, h)
		}
	}
	if o.Trace != nil {
		o.trace(d.Step, d.Plugin, "answer", fmt.Sprintf("%s, status %d", d.Result.Verdict, d.Result.StatusCode()))
	}
	return d
}

// run decides without custom headers. tried becomes the name that a password was last tried for, whichever step
// answers.
func (p *Pipeline) run(ctx context.Context, r *plugins.Request, o Options, tried *string) Decision {
	if p.eas {
		return p.runEAS(ctx, r, o, tried)
	}
	answer, chosen := fault(-1, "", errNoPlugin), false
	for i := range p.steps {
		d, then := p.ask(ctx, r, o, i, tried)
		switch {
		case then == end:
			return d
		case then == goOn && !chosen:
			answer, chosen = d, i == o.Fallback
		}
	}
	return answer
}

// runEAS is run as external-auth-server does it: when the last step is passed over the answer is a failure, even if an
// earlier one had an answer, and a step that fails leaves the answer to those before it.
func (p *Pipeline) runEAS(ctx context.Context, r *plugins.Request, o Options, tried *string) Decision {
	answer, answered, chosen := fault(-1, "", errNoPlugin), false, false
	last := len(p.steps) - 1
	for i := range p.steps {
		d, then := p.ask(ctx, r, o, i, tried)
		switch {
		case then == end:
			return d
		case then == passOver && i == last:
			return fault(-1, "", errNoPlugin)
		case then == passOver, chosen, d.Err != nil && (answered || i < last):
		default:
			answer, answered, chosen = d, true, i == o.Fallback
		}
	}
	return answer
}

// next says how it goes on after a step.
type next uint8

const (
	// passOver: the step was skipped, and has no answer.
	passOver next = iota
	// goOn: the step has an answer, a failure perhaps, and the next one may allow.
	goOn
	// end: the answer is final.
	end
)

// ask asks the i-th step: its skip rules, the plugin, its stop rules.
func (p *Pipeline) ask(ctx context.Context, r *plugins.Request, o Options, i int,
	tried *string) (d Decision, then next) {
	s := &p.steps[i]
	c := s.control
	if c == nil {
		c = &noControl
	}
	if s.kind == "" || s.plugin == nil {
		o.trace(i, s.kind, "skip", "unknown plugin type")
		return d, passOver
	}
	ctx = o.watch(ctx, i, s.kind)
	skip, err := p.holds(ctx, c.skip, r, nil, o, i, "skip")
	switch {
	case err != nil:
		d = fault(i, s.kind, fmt.Errorf("pcb.skip: %w", err))
	case skip:
		return d, passOver
	default:
		d = s.verify(ctx, r, i, tried)
	}
	o.traceDecision(&d)
	switch {
	case d.Err != nil && i < len(p.steps)-1 && (c.stop != nil || c.brokenStop != nil):
		// Nobody knows whether the step's answer would have ended it, and clients can make rules and services fail.
		return d, end
	case d.Err != nil:
		return d, goOn
	case d.Result.Verdict == plugins.Allow:
		return d, end
	case c.brokenStop != nil:
		return fault(i, s.kind, c.brokenStop), end
	case c.stop == nil:
		return d, goOn
	}
	res := d.Result // a copy, or every decision would be on the heap
	stop, err := p.holds(ctx, c.stop, r, &res, o, i, "stop")
	switch {
	case err != nil:
		// Going on could allow what the rule was to stop.
		return fault(i, s.kind, fmt.Errorf("pcb.stop: %w", err)), end
	case stop:
		return d, end
	}
	return d, goOn
}

var noControl control

// verify asks the plugin and makes sure of the answer.
func (s *step) verify(ctx context.Context, r *plugins.Request, i int, tried *string) (d Decision) {
	defer func() {
		if v := recover(); v != nil {
			d = fault(i, s.kind, panicError(v))
		}
	}()
	d = Decision{Step: i, Plugin: s.kind}
	d.Result, d.Err = s.plugin.Verify(ctx, r)
	if d.Result.Tried != "" {
		*tried = d.Result.Tried
	}
	if d.Err == nil && !d.Result.Sendable() {
		d.Err = errMismatch
	}
	if d.Err != nil {
		return fault(i, s.kind, d.Err)
	}
	d.Result.Status = d.Result.StatusCode()
	if d.Result.Identity.Provider == "" {
		d.Result.Identity.Provider = s.kind
	}
	return d
}

// panicError describes a panic by what the runtime says of it; other values could hold anything, secrets too.
func panicError(v any) error {
	if err, ok := v.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %T", v)
}

// holds evaluates rules; nil rules never hold.
func (p *Pipeline) holds(ctx context.Context, rules *assertion.Set, r *plugins.Request, res *plugins.Result, o Options,
	i int, kind string) (bool, error) {
	if rules == nil {
		return false, nil
	}
	view := &rulesView{whole: p.whole, source: r.Source, res: res}
	view.object = query.Lazy(view)
	ok, failed, err := rules.Eval(ctx, &view.object)
	if o.Trace != nil {
		text := "all rules hold"
		if err != nil {
			text = "error: " + err.Error()
		} else if !ok {
			text = "does not hold: " + failed
		}
		o.trace(i, p.steps[i].kind, kind, text)
	}
	return ok, err
}

// rulesView is what rules look at.
type rulesView struct {
	object query.Object
	whole  *whole
	source plugins.Source
	// res is the answer of the step whose stop rules are asked, nil for skip rules.
	res     *plugins.Result
	resView *query.Object
}

// Member implements [query.Members].
func (v *rulesView) Member(key string) (query.Value, bool) {
	switch key {
	case "req":
		return v.source.Brief(), true
	case "res":
		if v.resView == nil {
			v.resView = resultView(v.res)
		}
		return v.resView, true
	case "parentReqInfo":
		return v.source.Parent(), true
	case "configToken":
		return v.whole.configToken(), true
	}
	return query.Undefined{}, false
}

// All implements [query.Members].
func (v *rulesView) All() *query.Object {
	return query.Collect(v, "req", "res", "parentReqInfo", "configToken")
}

func resultView(res *plugins.Result) *query.Object {
	if res == nil {
		return &query.Object{}
	}
	var headers query.Builder
	for name, values := range res.Header {
		headers.Set(strings.ToLower(name), strings.Join(values, ", "))
	}
	o := query.NewObject(2)
	o.Set("headers", headers.Object())
	o.Set("statusCode", float64(res.Status))
	return o
}

// custom says which headers an answer gets: the token's, then those of the deciding step, and, with fill, an empty one
// for each that another step would have sent: what easgate leaves out, the client could have put in.
type custom struct {
	token, own *headers.Set
	fill       bool
}

func (p *Pipeline) customHeaders(d *Decision, omit bool) custom {
	own := &noControl
	if d.Step >= 0 && p.steps[d.Step].control != nil {
		own = p.steps[d.Step].control
	}
	if d.Result.Verdict != plugins.Allow {
		return custom{token: p.whole.errs, own: own.errs}
	}
	return custom{token: p.whole.service, own: own.service, fill: !omit && len(p.whole.names) > 0}
}

// setHeaders returns d with its custom headers.
func (w *whole) setHeaders(ctx context.Context, r *plugins.Request, o Options, d Decision, custom custom) Decision {
	allow := d.Result.Verdict == plugins.Allow
	if custom.token == nil && custom.own == nil && w.hasAll(d.Result.Header) {
		return d // as most logins, whose header is shared
	}
	h := d.Result.Header
	if h == nil {
		h = make(http.Header, len(w.names))
	} else {
		h = h.Clone()
	}
	d.Result.Header = h
	// Copies, for a pointer to d would put it on the heap.
	src := headers.Sources{Request: r, Data: d.Result.Data, Identity: d.Result.Identity, Token: w, Step: d.Step,
		Warn: w.warn}
	step, plugin := d.Step, d.Plugin
	var failed func(string, error)
	var unsent error
	if o.Trace != nil || allow && o.OmitFailed {
		failed = func(name string, err error) {
			if u := headers.Unsendable(""); errors.As(err, &u) {
				unsent = fmt.Errorf("header %s: %w", name, err)
			}
			o.trace(step, plugin, "header", name+": "+err.Error())
		}
	}
	d.Unsent = custom.token.Apply(ctx, &src, h, o.OmitFailed, failed)
	d.Unsent += custom.own.Apply(ctx, &src, h, o.OmitFailed, failed)
	if unsent != nil && allow && o.OmitFailed {
		// EAS hangs. Leaving the header out of an allow would let the client's forged twin through.
		return fault(step, plugin, unsent)
	}
	if custom.fill {
		for _, name := range w.names {
			if _, ok := h[name]; !ok {
				h[name] = emptyValue
			}
		}
	}
	return d
}

var emptyValue = []string{""}

// hasAll reports whether h has every header that the token may send upstream.
func (w *whole) hasAll(h http.Header) bool {
	for _, name := range w.names {
		if _, ok := h[name]; !ok {
			return false
		}
	}
	return true
}

// ConfigToken implements [headers.Token].
func (w *whole) ConfigToken() query.Value { return w.configToken() }

// PluginConfig implements [headers.Token].
func (w *whole) PluginConfig(step int) query.Value { return w.pluginConfig(step) }

func (o *Options) trace(i int, plugin, kind, text string) {
	if o.Trace != nil {
		o.Trace(Event{Step: i, Plugin: plugin, Kind: kind, Text: text})
	}
}

// watch returns a context in which the rules of the i-th step, and of its plugin, are traced.
func (o *Options) watch(ctx context.Context, i int, plugin string) context.Context {
	trace := o.Trace
	if trace == nil {
		return ctx
	}
	return assertion.Watch(ctx, func(j assertion.Judgement) {
		text := "does not hold"
		if j.Err != nil {
			text = "error: " + j.Err.Error()
		} else if j.Holds {
			text = "holds"
		}
		trace(Event{i, plugin, "rule", j.Rule + ": " + text, &j})
	})
}

func (o *Options) traceDecision(d *Decision) {
	if o.Trace == nil {
		return
	}
	text := fmt.Sprintf("%s, status %d", d.Result.Verdict, d.Result.StatusCode())
	if d.Err != nil {
		text = "error: " + d.Err.Error()
	} else if d.Result.Reason != "" {
		text += ": " + d.Result.Reason
	}
	o.trace(d.Step, d.Plugin, "verify", text)
}
