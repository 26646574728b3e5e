package pipeline

import (
	"context"
	"crypto/md5" //nolint:gosec // audMD5 is a name that tokens and sessions of external-auth-server know, not a protection
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"unique"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/headers"
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
var easFields = []string{"plugins", "custom_service_headers", "custom_error_headers", "config_token_id", "config_token_store_id"}

// Compile builds the pipeline of token. A native token is compiled strictly: whatever is unknown or could never work
// is an error with its path. A token in EAS's format or a plain one is compiled as EAS would read it; what is odd about
// it comes back as warnings, and a step that cannot work fails on every request.
func (c *Compiler) Compile(token *configtoken.Token) (p *Pipeline, warnings []string, err error) {
	p = &Pipeline{eas: token.Format != configtoken.Native}
	warn := func(path string, err error) error {
		if !p.eas {
			return fmt.Errorf("config token: %s: %w", path, err)
		}
		warnings = append(warnings, path+": "+err.Error())
		return nil
	}

	var claims struct {
		EAS map[string]json.RawMessage `json:"eas"`
	}
	if err := json.Unmarshal(token.Claims, &claims); err != nil {
		return nil, nil, errors.New("config token: eas: want an object")
	}
	for _, name := range sortedNames(claims.EAS) {
		if !slices.Contains(easFields, name) {
			if err := warn("eas."+name, errUnknownField); err != nil {
				return nil, nil, err
			}
		}
	}
	var entries []json.RawMessage
	raw, ok := claims.EAS["plugins"]
	if !ok || string(raw) == "null" {
		return nil, nil, errors.New("config token: eas.plugins: required")
	}
	if json.Unmarshal(raw, &entries) != nil || len(entries) == 0 {
		if err := warn("eas.plugins", errors.New("want a list of plugins")); err != nil {
			return nil, nil, err
		}
	}

	if len(entries) == 1 { // as in most tokens: in one piece with the pipeline
		one := &struct {
			Pipeline
			step [1]step
		}{}
		one.Pipeline, one.steps = *p, one.step[:]
		p = &one.Pipeline
	} else {
		p.steps = make([]step, len(entries))
	}
	built := p
	defer func() {
		if err != nil {
			_ = built.Close()
		}
	}()
	for i, entry := range entries {
		path := fmt.Sprintf("plugins[%d]", i)
		if err := c.step(&p.steps[i], entry, p.eas, func(where string, err error) error { return warn(path+where, err) }); err != nil {
			return nil, nil, err
		}
	}
	w := &whole{claims: token.Claims}
	if w.service, err = headers.Compile(claims.EAS["custom_service_headers"], c.Env.Query, !p.eas); err != nil {
		if err := warn("custom_service_headers", err); err != nil {
			return nil, nil, err
		}
	}
	if w.errs, err = headers.Compile(claims.EAS["custom_error_headers"], c.Env.Query, !p.eas); err != nil {
		if err := warn("custom_error_headers", err); err != nil {
			return nil, nil, err
		}
	}
	if w.collect(p.steps) {
		p.whole = w
	}
	return p, warnings, nil
}

// collect notes the header names, and reports whether anything may look at the token.
func (w *whole) collect(steps []step) (used bool) {
	used = w.service != nil || w.errs != nil
	add := func(name string) {
		if !slices.Contains(w.names, name) {
			w.names = append(w.names, name)
		}
	}
	w.service.Names(add)
	for i := range steps {
		s := &steps[i]
		if s.control != nil {
			s.control.service.Names(add)
		}
		_, reads := s.plugin.(plugins.TokenReader)
		used = used || reads || s.control != nil
	}
	return used
}

var (
	errUnknownField  = errors.New("unknown field")
	errUnknownPlugin = errors.New("unknown plugin type")
)

func (c *Compiler) step(s *step, raw json.RawMessage, eas bool, warn func(where string, err error) error) error {
	var cfg stepConfig
	if err := json.Unmarshal(raw, &cfg); err != nil {
		// EAS takes anything for pcb and type; what is no object there is as good as absent.
		var loose struct {
			Type any `json:"type"`
		}
		if !eas || json.Unmarshal(raw, &loose) != nil {
			return warn("", errors.New("want an object with a type"))
		}
		cfg.Type, _ = loose.Type.(string)
		if err := warn("", err); err != nil {
			return err
		}
		c.loose(raw, &cfg)
	}
	s.kind = unique.Make(cfg.Type).Value() // one text for all tokens
	f, ok := c.Plugins[cfg.Type]
	if !ok {
		return warn(".type", fmt.Errorf("%q: %w", cfg.Type, errUnknownPlugin))
	}
	env := c.Env
	env.Native = !eas
	env.Warn = func(err error) { _ = warn(": "+cfg.Type, err) } // called only when it is not Strict, and then never an error
	plugin, unknown, err := f.Build(raw, env)
	if eas && errors.Is(err, plugins.ErrDisabled) {
		return warn(".type", fmt.Errorf("%s: %w", cfg.Type, err))
	}
	s.plugin = plugin
	if err != nil {
		err = fmt.Errorf("%s: %w", cfg.Type, err)
		if err := warn("", err); err != nil {
			return err
		}
		s.plugin = &broken{err: err}
	}
	for _, name := range unknown {
		if err := warn(": "+cfg.Type+": "+name, errUnknownField); err != nil {
			return err
		}
	}
	for _, name := range unknownIn(raw, "pcb", reflect.TypeFor[pcb]()) {
		if err := warn(".pcb."+name, errUnknownField); err != nil {
			return err
		}
	}
	var more control
	if more.skip, err = c.rules(cfg.PCB.Skip, eas); err != nil {
		if err := warn(".pcb.skip", err); err != nil {
			return err
		}
		if _, already := s.plugin.(*broken); !already && s.plugin != nil { // a type that does not exist is passed over before its rules are looked at
			s.plugin = &broken{fmt.Errorf("pcb.skip: %w", err), s.plugin}
		}
	}
	if more.stop, err = c.rules(cfg.PCB.Stop, eas); err != nil {
		if err := warn(".pcb.stop", err); err != nil {
			return err
		}
		more.brokenStop = fmt.Errorf("pcb.stop: %w", err)
	}
	if more.service, err = headers.Compile(cfg.CustomServiceHeaders, c.Env.Query, !eas); err != nil {
		if err := warn(".custom_service_headers", err); err != nil {
			return err
		}
	}
	if more.errs, err = headers.Compile(cfg.CustomErrorHeaders, c.Env.Query, !eas); err != nil {
		if err := warn(".custom_error_headers", err); err != nil {
			return err
		}
	}
	if more != (control{}) {
		s.control = &more
	}
	return nil
}

func unknownIn(raw json.RawMessage, member string, t reflect.Type) []string {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || m[member] == nil {
		return nil
	}
	return strictjson.UnknownFields(m[member], t)
}

// loose reads the members of an entry that have the shapes they should have, and leaves out the others.
func (c *Compiler) loose(raw json.RawMessage, cfg *stepConfig) {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	_ = json.Unmarshal(m["pcb"], &cfg.PCB)
	cfg.CustomServiceHeaders, cfg.CustomErrorHeaders = m["custom_service_headers"], m["custom_error_headers"]
}

// rules compiles a list of assertions. What EAS takes for "no rules" (absent, null, false, "", 0) is nil.
func (c *Compiler) rules(raw json.RawMessage, eas bool) (*assertion.Set, error) {
	switch string(raw) {
	case "", "null", "false", `""`, "0":
		return nil, nil
	}
	return assertion.Compile(raw, c.Env.Query, !eas)
}

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
		v, err := query.ParseJSON(w.claims)
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
			}
		}
		claims.Set("audMD5", hex.EncodeToString(sum[:]))
		w.token = claims
	})
	return w.token
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

func sortedNames(m map[string]json.RawMessage) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// holdsResources reports whether closing p does anything.
func (p *Pipeline) holdsResources() bool {
	for i := range p.steps {
		if _, ok := p.steps[i].plugin.(plugins.Closer); ok {
			return true
		}
	}
	return false
}

// weight estimates the bytes that p holds: its steps, and where rules or headers look at something, the claims and what
// was compiled of them. A regular expression takes some thirty times its text.
func (p *Pipeline) weight(claims int) uint32 {
	w := 256 + 256*len(p.steps) + claims
	if p.whole != nil {
		w += 24 * claims
	}
	return uint32(w) // claims are at most 64 KB
}
