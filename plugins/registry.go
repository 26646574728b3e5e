package plugins

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/strictjson"
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
			if err := strictjson.Decode(raw, &c); err != nil {
				return nil, nil, err
			}
			p, err := build(c, env)
			return p, strictjson.UnknownFields(raw, t, stepFields...), err
		},
	}
}
