// Package headers puts values picked from a login, the request or the config token into response headers:
// custom_service_headers for what is allowed, custom_error_headers for what is not.
package headers

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins"
)

// Config is one entry of custom_service_headers or custom_error_headers.
type Config struct {
	// Source is what the value is picked from. identity is an object with subject, name, realm, roles, scopes, attributes
	// and claims, whichever plugin allowed.
	Source string `json:"source"`
	// QueryEngine is the language of Query; static takes Query itself as the value.
	QueryEngine string `json:"query_engine,omitempty"`
	// Query picks the value; left out, the whole source is sent, as JSON unless it is a string.
	Query json.RawMessage `json:"query,omitempty"`
	// QueryOpts changes what becomes of the result.
	QueryOpts struct {
		// SingleValue sends the one match of a jp query instead of a JSON array; several are an error.
		SingleValue bool `json:"single_value,omitempty"`
	} `json:"query_opts,omitzero"`
	// Encoding is plain (default: text in UTF-8, JSON in ASCII), base64, uri, or latin1, which is plain as
	// external-auth-server sends it.
	Encoding string `json:"encoding,omitempty"`
}

// Sources are what the values come from.
type Sources struct {
	Request *plugins.Request
	Data    plugins.Data
	// Identity is who was authenticated.
	Identity identity.Identity
	Token    Token
	// Step is the index of the plugin whose entry is plugin_config, -1 for none.
	Step int
	// Warn, if not nil, is told once for each header that it could not be sent, and why, without values.
	Warn func(name, why string)
}

// A Token shows itself to headers; it is asked only by those that look.
type Token interface {
	ConfigToken() query.Value
	PluginConfig(step int) query.Value
}

// A Set is a compiled list of headers. Nil is an empty one.
type Set struct{ items []item }

type item struct {
	name   string
	source string
	// fixed is the whole value when it is known in advance; nil otherwise.
	fixed    []string
	query    query.Query
	single   bool
	encoding string
	// native: integers beyond 2⁵³ keep their digits, text is sent in UTF-8, JSON in ASCII.
	native bool
	// told is 1 once a failure was reported.
	told uint32
	// broken is why the entry has no value; it then is the empty header or none.
	broken error
}

var empty = []string{""}

// Compile compiles raw, an object of header name to [Config]. With strict, whatever could never give a value is an
// error with its path; without, such an entry stays without a value, as in external-auth-server.
func Compile(raw json.RawMessage, engines query.Engines, strict bool) (*Set, error) {
	v, err := parse(raw, strict)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*query.Object)
	if !ok || o.Len() == 0 {
		if v != nil && !ok && strict {
			return nil, errors.New("want an object of header names")
		}
		return nil, nil
	}
	s := &Set{items: make([]item, 0, o.Len())}
	var errs []error
	for i := range o.Len() {
		name, cfg := o.At(i)
		text, err := query.AppendJSON(nil, cfg)
		if err != nil {
			return nil, err
		}
		it, err := compile(name, text, engines, strict)
		if err != nil {
			errs = append(errs, problem.At(name, err))
			it.broken = err
		}
		s.items = append(s.items, it)
	}
	if strict && len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

func parse(raw json.RawMessage, exact bool) (query.Value, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	return query.Parse(raw, exact)
}

func compile(name string, raw json.RawMessage, engines query.Engines, strict bool) (item, error) {
	var it item // without a name it never sets anything
	if !httpguts.ValidHeaderFieldName(name) {
		return it, Unsendable("not a header name")
	}
	if reserved(textproto.CanonicalMIMEHeaderKey(name)) {
		return it, Unsendable("this header belongs to the connection and cannot be set")
	}
	it.name = textproto.CanonicalMIMEHeaderKey(name)
	if !strict && raw[0] != '{' {
		return it, nil // an entry without a source, as in external-auth-server
	}
	var c Config
	unknown, err := strictjson.Decode(raw, &c)
	if err != nil {
		return it, err
	}
	if strict && len(unknown) > 0 {
		return it, errors.Join(unknown...)
	}
	it.native = strict
	it.source, it.single, it.encoding = c.Source, c.QueryOpts.SingleValue, c.Encoding
	if strict && it.encoding != "" && !slices.Contains(Encodings, it.encoding) {
		return it, problem.At("encoding", problem.Unknown("encoding", it.encoding, Encodings...))
	}
	err = it.compileQuery(&c, engines, strict)
	return it, err
}

func (it *item) compileQuery(c *Config, engines query.Engines, strict bool) error {
	q, err := parse(c.Query, strict)
	if err != nil {
		return err
	}
	if strict || query.Truthy(q) {
		if err := knownSource(it.source); err != nil {
			return err
		}
	}
	if !query.Truthy(q) {
		q = query.Undefined{} // 0, false and "" too, as in external-auth-server
		if it.source != "static" {
			return nil
		}
	}
	if it.source == "static" || c.QueryEngine == "static" {
		text, err := it.text(q)
		if err == nil {
			it.fixed = []string{text}
		}
		return err
	}
	expr, ok := q.(string)
	if !ok {
		return problem.At("query", errors.New("want a string"))
	}
	if !strict && c.QueryEngine != "jp" && c.QueryEngine != "jq" {
		return query.ErrUnknownEngine // headers know these two only in external-auth-server
	}
	compile := engines.Compile
	if strict {
		compile = engines.CompileNative
	}
	it.query, err = compile(c.QueryEngine, expr)
	if errors.Is(err, query.ErrUnknownEngine) {
		return problem.At("query_engine", err)
	}
	return problem.At("query", err)
}

// SourceNames are what [Config.Source] may be.
var SourceNames = []string{
	"identity", "userinfo", "id_token", "access_token", "refresh_token", "config_token", "plugin_config", "req",
	"parentRequestInfo",
	"parentReqInfo", "clientIP", "static",
}

// Encodings are what [Config.Encoding] may be, beside "".
var Encodings = []string{"plain", "base64", "uri", "url", "latin1"}

func knownSource(source string) error {
	if slices.Contains(SourceNames, source) {
		return nil
	}
	return problem.At("source", problem.Unknown("source", source, SourceNames...))
}

// Names calls f with the canonical name of every header in s.
func (s *Set) Names(f func(name string)) {
	if s != nil {
		for i := range s.items {
			if name := s.items[i].name; name != "" {
				f(name)
			}
		}
	}
}

// Apply sets the headers in h, replacing what is there. An entry whose value cannot be had is set to the empty
// string, so that the proxy overwrites what the client sent under that name; with omit it is left out.
// failed, if not nil, is told about each such entry. unsent is the number of those that should have had a value.
func (s *Set) Apply(ctx context.Context, src *Sources, h http.Header, omit bool,
	failed func(name string, err error)) (unsent int) {
	if s == nil {
		return 0
	}
	for i := range s.items {
		it := &s.items[i]
		if it.fixed != nil {
			h[it.name] = it.fixed
			continue
		}
		text, err := it.value(ctx, src)
		if err == nil {
			h[it.name] = []string{text}
			continue
		}
		if failed != nil {
			failed(it.name, err)
		}
		if it.broken == nil && !errors.Is(err, errAbsent) {
			unsent++
			it.warn(src, err)
		}
		if !omit && it.name != "" {
			h[it.name] = empty
		}
	}
	return unsent
}

// errAbsent says that there is nothing to send, which is no fault.
var errAbsent = errors.New("nothing to send")

// warn tells of the first failure. The error of a query may hold what it looked at.
func (it *item) warn(src *Sources, err error) {
	if src.Warn == nil || !atomic.CompareAndSwapUint32(&it.told, 0, 1) {
		return
	}
	why := "its query fails; easgate explain says how"
	if u := Unsendable(""); errors.As(err, &u) {
		why = u.Error()
	}
	src.Warn(it.name, why)
}

func (it *item) value(ctx context.Context, src *Sources) (string, error) {
	if it.broken != nil {
		return "", it.broken
	}
	v, err := src.get(it.source)
	if err != nil {
		return "", err
	}
	if it.query == nil {
		return it.text(v)
	}
	switch it.source {
	case "id_token", "access_token", "refresh_token":
		v = decodeJWT(v, it.native)
	}
	if _, none := v.(query.Undefined); none {
		return "", fmt.Errorf("source: no %s here: %w", it.source, errAbsent)
	}
	v, err = it.pick(ctx, v)
	if errors.Is(err, query.ErrOutputs) {
		return "", Unsendable(err.Error())
	}
	if err != nil {
		return "", err
	}
	return it.text(v)
}

// pick evaluates the query on v.
func (it *item) pick(ctx context.Context, v query.Value) (query.Value, error) {
	if !it.single {
		return it.query.Eval(ctx, v)
	}
	if q, ok := it.query.(query.Single); ok {
		v, found, err := q.EvalOne(ctx, v)
		if !found {
			v = query.Undefined{}
		}
		return v, err
	}
	v, err := it.query.Eval(ctx, v)
	if matches, ok := v.([]any); ok && err == nil {
		switch len(matches) {
		case 0:
			v = query.Undefined{}
		case 1:
			v = matches[0]
		default:
			return nil, errors.New("single_value: several matches")
		}
	}
	return v, err
}

func (s *Sources) get(source string) (v query.Value, err error) {
	switch source {
	case "identity":
		v, err = identityView(&s.Identity)
	case "userinfo":
		v = s.Data.UserInfo
	case "id_token":
		v = s.Data.IDToken
	case "access_token":
		v = s.Data.AccessToken
	case "refresh_token":
		v = s.Data.RefreshToken
	case "config_token":
		v = s.Token.ConfigToken()
	case "plugin_config":
		v = s.Token.PluginConfig(s.Step)
	case "req":
		v = s.Request.Source.Req()
	case "parentRequestInfo", "parentReqInfo":
		v = s.Request.Source.Parent()
	case "clientIP":
		if a := s.Request.Source.ClientIP(); a.IsValid() {
			v = a.String()
		}
	}
	if v == nil {
		v = query.Undefined{}
	}
	return v, err
}

// identityView shows an identity to queries; nobody is undefined.
func identityView(id *identity.Identity) (query.Value, error) {
	if id.Subject == "" {
		return nil, nil
	}
	o := query.NewObject(9)
	o.Set("subject", id.Subject)
	o.Set("name", cmp.Or(id.Name, id.Subject))
	o.Set("realm", id.Realm)
	o.Set("provider", id.Provider)
	o.Set("roles", list(id.Roles))
	if id.Scopes != nil {
		o.Set("scopes", list(id.Scopes))
	}
	attributes := query.NewObject(len(id.Attributes))
	for _, name := range slices.Sorted(maps.Keys(id.Attributes)) {
		attributes.Set(name, list(id.Attributes[name]))
	}
	o.Set("attributes", attributes)
	if !id.Expires.IsZero() {
		o.Set("expires", float64(id.Expires.Unix()))
	}
	if id.Claims != nil {
		claims, err := query.FromGo(id.Claims)
		if err != nil {
			return nil, err
		}
		o.Set("claims", claims)
	}
	return o, nil
}

func list(texts []string) []any {
	a := make([]any, len(texts))
	for i := range texts {
		a[i] = texts[i]
	}
	return a
}

// reserved reports whether a field describes the connection or the message; setting it would break the reply.
func reserved(name string) bool {
	return httpfield.OfConnection(name) || name == "Content-Length" || name == "Date"
}

// Unsendable is why a name or a value cannot be in a header at all.
type Unsendable string

func (u Unsendable) Error() string { return string(u) }

// decodeJWT returns the claims of a JWT without checking it: the plugin that put it there did. What is no JWT is null.
func decodeJWT(v query.Value, exact bool) query.Value {
	s, ok := v.(string)
	if !ok {
		return v
	}
	_, rest, _ := strings.Cut(s, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return nil
	}
	claims, err := query.Parse(text, exact)
	if err != nil {
		return nil
	}
	return claims
}
