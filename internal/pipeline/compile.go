package pipeline

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // audMD5 is a name that tokens and sessions of external-auth-server know, not a protection
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unique"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/headers"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins"
)

// A Compiler turns opened config tokens into pipelines.
type Compiler struct {
	Plugins plugins.Registry
	// Env is handed to every plugin; its Query engines compile the token's rules and headers too.
	Env plugins.Env
}

// A Pipeline is a config token, ready to decide. It is safe for concurrent use. There may be a hundred thousand, so
// what most tokens do not have is behind pointers.
type Pipeline struct {
	// eas makes the pipeline behave as external-auth-server does where native tokens behave better.
	eas   bool
	steps []step
	// whole is what concerns the token as a whole; nil when nothing does.
	whole *whole
	// pages are those of the plugins.
	pages []plugins.Page
	// site is what browsers may do; nil for nothing that need be known.
	site *site
	// users is nil for a pipeline that holds nothing to give back.
	users *users
}

// A step is one entry of the token's plugins.
type step struct {
	kind string
	// plugin is nil for a type that does not exist, which only tokens in EAS's format may name.
	plugin plugins.Plugin
	// control is nil for a step with neither rules nor headers.
	control *control
}

// control is what a step has beside its plugin.
type control struct {
	skip, stop *assertion.Set
	// brokenStop is why the stop rules could not be compiled; nobody knows what they would have stopped.
	brokenStop    error
	service, errs *headers.Set
}

// whole is the token as its rules and headers see it, and the headers that are not a step's.
type whole struct {
	// service and errs are the token's own custom headers, set before those of the deciding step.
	service, errs *headers.Set
	// names are all headers that any part of the token may send upstream.
	names []string
	// exact: integers beyond 2⁵³ keep their digits.
	exact bool

	// complete adds what EAS adds to an entry of that type; nil for nothing.
	complete func(entry *query.Object)
	// warn reports a header that could not be sent; nil for nowhere.
	warn func(name, why string)

	claims    json.RawMessage
	tokenOnce sync.Once
	token     *query.Object
}

// broken stands for a plugin that could not be built, or whose rules could not: its step fails on every request.
type broken struct {
	err error
	// plugin is the one that was built.
	plugin plugins.Plugin
}

// Verify implements [plugins.Plugin].
func (b *broken) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	return plugins.Result{}, b.err
}

// Close implements [plugins.Closer].
func (b *broken) Close() error {
	if c, ok := b.plugin.(plugins.Closer); ok {
		return c.Close()
	}
	return nil
}

// stepConfig is what the pipeline itself reads of an entry; the rest is the plugin's.
type stepConfig struct {
	Type                 string          `json:"type"`
	PCB                  pcb             `json:"pcb,omitzero"`
	CustomServiceHeaders json.RawMessage `json:"custom_service_headers,omitempty"`
	CustomErrorHeaders   json.RawMessage `json:"custom_error_headers,omitempty"`
}

// pcb are the rules that steer the pipeline, EAS's "plugin control block".
type pcb struct {
	Skip json.RawMessage `json:"skip,omitempty"`
	Stop json.RawMessage `json:"stop,omitempty"`
}

// easFields are the members of the token's eas object.
var easFields = []string{"plugins", "custom_service_headers", "custom_error_headers", "cors", "config_token_id",
	"config_token_store_id"}

// A compilation is one config token on its way to a [Pipeline].
type compilation struct {
	*Compiler
	eas      bool
	problems []error
}

// complain notes what is wrong at path, once: a value outside its list is one to the decoding and to the plugin.
func (c *compilation) complain(path string, err error) {
	for _, part := range problem.Split(problem.At(path, err)) {
		if !slices.ContainsFunc(c.problems, func(p error) bool { return p.Error() == part.Error() }) {
			c.problems = append(c.problems, part)
		}
	}
}

// claimNames are the claims that easgate reads.
var claimNames = []string{"eas", "exp", "nbf", "jti", "aud"}

// Compile builds the pipeline of token, and says what is wrong with it, each thing with its path. A native token is
// compiled strictly: with whatever is unknown or could never work it is refused, and the error has all of that. A token
// in EAS's format or a plain one is compiled as EAS would read it; what is odd about it comes back as warnings, and a
// step that cannot work fails on every request. An error that is a [query.ErrMoment] says nothing about the token.
func (c *Compiler) Compile(token *configtoken.Token) (p *Pipeline, warnings []error, err error) {
	var a attempt
	own := *c
	own.Env.Query = a.engines(c.Env.Query)
	n := compilation{Compiler: &own, eas: token.Format != configtoken.Native}
	p, ok := n.compile(token.Claims)
	if problems := errors.Join(n.problems...); errors.Is(problems, query.ErrMoment) { // a regular expression's
		a.moment = problems
	}
	if a.moment != nil {
		if p != nil {
			_ = p.Close()
		}
		return nil, nil, problem.Prefix("config token", a.moment)
	}
	if !ok || !n.eas && len(n.problems) > 0 {
		if p != nil {
			_ = p.Close()
		}
		return nil, nil, problem.Prefix("config token", errors.Join(n.problems...))
	}
	if p.whole != nil {
		p.whole.warn = unsent(c.Env.Log, token.ID)
		if n.eas {
			p.whole.complete = c.complete
		}
	}
	return p, n.problems, nil
}

// compile returns false when no pipeline can be made at all.
func (c *compilation) compile(text json.RawMessage) (p *Pipeline, ok bool) {
	eas, ok := c.configuration(text)
	if !ok {
		c.complain("eas", errors.New("want an object"))
		return nil, false
	}
	var entries []json.RawMessage
	raw, ok := eas["plugins"]
	if !ok || string(raw) == "null" {
		c.complain("eas.plugins", errors.New("required"))
		return nil, false
	}
	if json.Unmarshal(raw, &entries) != nil || len(entries) == 0 {
		c.complain("eas.plugins", errors.New("want a list of plugins"))
	}
	p = newPipeline(c.eas, len(entries))
	for i, entry := range entries {
		c.step(&p.steps[i], fmt.Sprintf("plugins[%d]", i), entry)
	}
	p.pages = c.pages(p.steps)
	p.site = c.site(eas["cors"], p.steps)
	w := &whole{claims: text, exact: !c.eas}
	w.service = c.headers("custom_service_headers", eas["custom_service_headers"])
	w.errs = c.headers("custom_error_headers", eas["custom_error_headers"])
	if w.collect(p.steps) {
		p.whole = w
	}
	return p, true
}

func newPipeline(eas bool, steps int) *Pipeline {
	if steps != 1 {
		return &Pipeline{eas: eas, steps: make([]step, steps)}
	}
	one := &struct { // as in most tokens: in one piece with the pipeline
		Pipeline
		step [1]step
	}{Pipeline: Pipeline{eas: eas}}
	one.steps = one.step[:]
	return &one.Pipeline
}

// configuration returns the members of the claim eas. Names of claims are exact, as everywhere: "EAS" is another one,
// and a token with "Exp" does not expire.
func (c *compilation) configuration(text json.RawMessage) (members map[string]json.RawMessage, ok bool) {
	var claims map[string]json.RawMessage
	if json.Unmarshal(text, &claims) != nil {
		return nil, false
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if lower := strings.ToLower(name); lower != name && slices.Contains(claimNames, lower) {
			c.complain("", problem.UnknownMember(name, lower))
		}
	}
	raw, ok := claims["eas"]
	if ok && json.Unmarshal(raw, &members) != nil {
		return nil, false
	}
	if c.eas {
		backchannel(members)
	}
	c.Env.Audience = audience(claims["aud"], text)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(easFields, name) {
			c.complain("eas", problem.UnknownMember(name, easFields...))
		}
	}
	return members, true
}

// audience names whom a token's logins are for: its aud, or itself. It is a hash, for it goes into what logins seal.
func audience(aud, claims json.RawMessage) string {
	named := aud
	if named == nil {
		named = claims
	}
	var compact bytes.Buffer
	if json.Compact(&compact, named) != nil { // cannot be: it was decoded
		return ""
	}
	sum := sha256.Sum256(compact.Bytes())
	return hex.EncodeToString(sum[:])
}

func (c *compilation) headers(path string, raw json.RawMessage) *headers.Set {
	set, err := headers.Compile(raw, c.Env.Query, !c.eas)
	c.complain(path, err)
	return set
}

// unsent returns what logs the headers of a token that could not be sent.
func unsent(log *slog.Logger, jti string) func(name, why string) {
	if log == nil {
		return nil
	}
	return func(name, why string) {
		log.Warn("custom header could not be sent; said once for each header and token", "header", name, "jti", jti,
			"reason", why)
	}
}

// collect notes the header names, and reports whether the pipeline needs w.
func (w *whole) collect(steps []step) (used bool) {
	used = w.service != nil || w.errs != nil
	add := func(name string) {
		if name = http.CanonicalHeaderKey(name); !slices.Contains(w.names, name) {
			w.names = append(w.names, name)
		}
	}
	w.service.Names(add)
	for i := range steps {
		s := &steps[i]
		if s.control != nil {
			s.control.service.Names(add)
		}
		plugin := s.plugin
		if b, ok := plugin.(*broken); ok {
			plugin = b.plugin
		}
		if p, ok := plugin.(plugins.HeaderNames); ok {
			for _, name := range p.ServiceHeaders() {
				add(name)
			}
		}
		_, reads := plugin.(plugins.TokenReader)
		used = used || reads || s.control != nil
	}
	return used || len(w.names) > 0
}

func (c *compilation) step(s *step, path string, raw json.RawMessage) {
	cfg, ok := c.stepConfig(path, raw)
	if !ok {
		return
	}
	s.kind = unique.Make(cfg.Type).Value() // one text for all tokens
	f, ok := c.Plugins[cfg.Type]
	if !ok {
		known := slices.Sorted(maps.Keys(c.Plugins))
		c.complain(path+".type", problem.Suggest(fmt.Errorf("%q: unknown plugin type", cfg.Type), cfg.Type, known...))
		return
	}
	env := c.Env
	env.Native = !c.eas
	plugin, problems, err := f.Build(raw, env)
	for _, err := range problems {
		c.complain(path, problem.Prefix(cfg.Type, err))
	}
	if c.eas && errors.Is(err, plugins.ErrDisabled) {
		c.complain(path+".type", fmt.Errorf("%s: %w", cfg.Type, err))
		return
	}
	s.plugin = plugin
	if err != nil {
		err = problem.Prefix(cfg.Type, err)
		c.complain(path, err)
		s.plugin = &broken{err: err}
	}
	var more control
	if more.skip, err = c.rules(path+".pcb.skip", cfg.PCB.Skip); err != nil {
		// a type that does not exist is passed over before its rules are looked at
		if _, already := s.plugin.(*broken); !already && s.plugin != nil {
			s.plugin = &broken{fmt.Errorf("pcb.skip: %w", err), s.plugin}
		}
	}
	if more.stop, err = c.rules(path+".pcb.stop", cfg.PCB.Stop); err != nil {
		more.brokenStop = fmt.Errorf("pcb.stop: %w", err)
	}
	more.service = c.headers(path+".custom_service_headers", cfg.CustomServiceHeaders)
	more.errs = c.headers(path+".custom_error_headers", cfg.CustomErrorHeaders)
	if more != (control{}) {
		s.control = &more
	}
}

// stepConfig reads what an entry says to the pipeline. EAS takes anything for type and pcb; what has the wrong shape
// there is as good as absent.
func (c *compilation) stepConfig(path string, raw json.RawMessage) (cfg stepConfig, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		c.complain(path, errors.New("want an object with a type"))
		return cfg, false
	}
	unknown, err := strictjson.Decode(raw, &cfg)
	if err != nil {
		c.complain(path, err)
		cfg = stepConfig{CustomServiceHeaders: members["custom_service_headers"],
			CustomErrorHeaders: members["custom_error_headers"]}
		_ = json.Unmarshal(members["type"], &cfg.Type)
		_, _ = strictjson.Decode(members["pcb"], &cfg.PCB)
	}
	for _, err := range unknown {
		if at, _ := problem.Path(err); strings.HasPrefix(at, "pcb.") { // the others are the plugin's
			c.complain(path, err)
		}
	}
	return cfg, true
}

// rules compiles a list of assertions. What EAS takes for "no rules" (absent, null, false, "", 0) is nil.
func (c *compilation) rules(path string, raw json.RawMessage) (*assertion.Set, error) {
	switch string(raw) {
	case "", "null", "false", `""`, "0":
		return nil, nil
	}
	set, err := assertion.Compile(raw, c.Env.Query, !c.eas)
	c.complain(path, err)
	return set, err
}

// Native reports whether p was made from a token in easgate's own format.
func (p *Pipeline) Native() bool { return !p.eas }

// Close gives back what the plugins hold.
func (p *Pipeline) Close() error {
	var errs []error
	for i := range p.steps {
		if c, ok := p.steps[i].plugin.(plugins.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// configToken is the token as rules and headers see it, with the defaults that EAS adds.
func (w *whole) configToken() query.Value {
	w.tokenOnce.Do(func() {
		v, err := query.Parse(w.claims, w.exact)
		claims, ok := v.(*query.Object)
		if err != nil || !ok {
			claims = &query.Object{}
		}
		named, ok := claims.Get("aud")
		if !ok {
			named = claims
		}
		sum := md5.Sum([]byte(query.JSON(named))) //nolint:gosec // see the import
		for _, entry := range entriesOf(claims) {
			if o, ok := entry.(*query.Object); ok {
				if pcb, _ := o.Get("pcb"); !query.Truthy(pcb) {
					o.Set("pcb", &query.Object{})
				}
				if w.complete != nil {
					w.complete(o)
				}
			}
		}
		claims.Set("audMD5", hex.EncodeToString(sum[:]))
		w.token = claims
	})
	return w.token
}

// complete adds the defaults of the plugin that entry is for.
func (c *Compiler) complete(entry *query.Object) {
	kind, _ := entry.Get("type")
	if name, ok := kind.(string); ok {
		if f, known := c.Plugins[name]; known {
			f.Complete(entry)
		}
	}
}

// pluginConfig is the i-th entry of the token's plugins as headers see it.
func (w *whole) pluginConfig(i int) query.Value {
	token, _ := w.configToken().(*query.Object)
	if entries := entriesOf(token); i >= 0 && i < len(entries) {
		return entries[i]
	}
	return &query.Object{}
}

func entriesOf(claims *query.Object) []any {
	eas, _ := claims.Get("eas")
	if o, ok := eas.(*query.Object); ok {
		list, _ := o.Get("plugins")
		entries, _ := list.([]any)
		return entries
	}
	return nil
}

// weight estimates the bytes that p holds: its steps, and where rules or headers look at something, the claims and what
// was compiled of them. A regular expression takes some thirty times its text.
func (p *Pipeline) weight(claims int) int {
	w := 256 + 256*len(p.steps) + claims
	if p.whole != nil {
		w += 24 * claims
	}
	return w
}
