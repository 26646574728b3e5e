package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/easgate/easgate/internal/query"
)

// Env is all that a plugin may reach besides its configuration and the request.
type Env struct {
	Log  *slog.Logger
	Now  func() time.Time
	HTTP *http.Client
	// Query holds the languages that the token's queries may use.
	Query query.Engines
	// Hashing bounds how many passwords are hashed at once, process-wide, so that wrong guesses
	// cannot take the processor from everyone else.
	Hashing *semaphore.Weighted
	// CookieSecret signs cookies as external-auth-server does, for scripts that ask for it; empty signs none.
	CookieSecret Secret
	// Strict is set for native tokens and when sealing; it makes errors of what [Env.Complain] reports.
	Strict bool
	// Warn is told what Complain reports when Strict is not set; nil drops it.
	Warn func(error)
}

// Complain reports something in a configuration that external-auth-server lets pass in silence although it can never
// work, such as a password line that nothing matches. A constructor returns the error if there is one, and goes on
// without the offending part otherwise. It never holds a secret.
func (e Env) Complain(err error) error {
	if e.Strict {
		return err
	}
	if e.Warn != nil {
		e.Warn(err)
	}
	return nil
}

// A Factory builds plugins of one type from the raw JSON of their entry in a config token.
// Unknown fields come back as paths ("connection.ulr"), and it is the caller's policy whether they are errors.
type Factory struct {
	// Build does no network I/O, so that an identity provider that is down breaks one step, not the token.
	Build func(raw json.RawMessage, env Env) (p Plugin, unknown []string, err error)
	// Config is the type of the plugin's configuration, for schemas and documentation.
	Config reflect.Type
}

// Registry maps the "type" of a plugin entry to its factory.
type Registry map[string]Factory

// stepFields belong to the pipeline, not to a plugin's own configuration.
var stepFields = []string{"type", "pcb", "custom_service_headers", "custom_error_headers"}

// Of turns a typed constructor into a registry entry. It is the one place that decodes plugin configurations.
func Of[C any](build func(C, Env) (Plugin, error)) Factory {
	t := reflect.TypeFor[C]()
	return Factory{
		Config: t,
		Build: func(raw json.RawMessage, env Env) (Plugin, []string, error) {
			var c C
			if err := json.Unmarshal(raw, &c); err != nil {
				return nil, nil, decodeError(err)
			}
			p, err := build(c, env)
			return p, UnknownFields(raw, t, stepFields...), err
		},
	}
}

func decodeError(err error) error {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) && te.Field != "" {
		return fmt.Errorf("%s: want %s, got a JSON %s", te.Field, te.Type, te.Value)
	}
	return err
}

// UnknownFields returns the paths of the object members in raw that a value of type t has no field for,
// but for those named in known at the top level.
func UnknownFields(raw json.RawMessage, t reflect.Type, known ...string) []string {
	var unknown []string
	walkFields(raw, t, "", known, &unknown)
	return unknown
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func walkFields(raw json.RawMessage, t reflect.Type, path string, known []string, unknown *[]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		for _, name := range sortedKeys(m) {
			f, ok := fieldByJSON(t, name)
			if ok {
				walkFields(m[name], f, join(path, name), nil, unknown)
			} else if !slices.Contains(known, name) {
				*unknown = append(*unknown, join(path, name))
			}
		}
	case reflect.Map:
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		for _, name := range sortedKeys(m) {
			walkFields(m[name], t.Elem(), join(path, name), nil, unknown)
		}
	case reflect.Slice:
		var a []json.RawMessage
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) && json.Unmarshal(raw, &a) == nil {
			for i, e := range a {
				walkFields(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i), nil, unknown)
			}
		}
	}
}

// fieldByJSON finds the type of t's field that encoding/json would decode the member name into.
func fieldByJSON(t reflect.Type, name string) (reflect.Type, bool) {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" || (f.Anonymous && tag == "") {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if strings.EqualFold(tag, name) {
			return f.Type, true
		}
	}
	return nil, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
