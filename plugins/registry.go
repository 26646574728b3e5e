package plugins

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/strictjson"
)

// Env is all that a plugin may reach besides its configuration and the request.
type Env struct {
	Log  *slog.Logger
	Now  func() time.Time
	HTTP *http.Client
	// Roots are the certificate authorities to trust where a configuration names none; nil are the system's.
	Roots *x509.CertPool
	// Query holds the languages that the token's queries may use.
	Query query.Engines
	// Hashing are the processors that hash passwords, process-wide; nil for all that there are.
	Hashing *credential.Processors
	// CookieSecret signs cookies as external-auth-server does, for scripts that ask for it; empty signs none.
	CookieSecret Secret
	// Native says that the token is in easgate's own format, and is set when one is about to be sealed. Options and rules
	// then mean what they should; without it they mean what they do in external-auth-server.
	Native bool
	// Audience is the token's aud, or what external-auth-server puts in its place: a hash of the whole token. Sessions and
	// the cookies of logins are bound to it.
	Audience string
	// Sessions are where logins are kept; nil where no store is open, as when a token is sealed.
	Sessions session.Store
	// Seal gives the boxes of states, cookies and sessions; nil as for Sessions.
	Seal seal.Keys
	// Called is told of each call to another service; see [Env.Calls]. Nil drops it.
	Called func(service string, took time.Duration, err error)
	// Report is told of what [Env.Problem] is; nil drops it. [Of] sets it.
	Report func(error)
}

// Problem reports something in a configuration that external-auth-server lets pass in silence although it can never
// work, such as a password line that nothing matches: the token is refused if it is native, and compiled with a warning
// otherwise. A constructor goes on without the offending part. err starts with the option's path and holds no secret;
// nil is no problem.
func (e Env) Problem(err error) {
	if err != nil && e.Report != nil {
		e.Report(err)
	}
}

// Within returns an Env whose problems get a prefix, for a constructor of a part: "connection.".
func (e Env) Within(prefix string) Env {
	report := e.Problem
	e.Report = func(err error) {
		for _, part := range problem.Split(err) {
			report(fmt.Errorf("%s%w", prefix, part))
		}
	}
	return e
}

// Calls returns what to tell how each call to a service went. service is a word of the plugin's own, such as "ldap": it
// becomes a label of metrics, and is never a URL, a user, or anything else that a request or a configuration chooses.
func (e Env) Calls(service string) func(took time.Duration, err error) {
	if e.Called == nil {
		return func(time.Duration, error) {}
	}
	return func(took time.Duration, err error) { e.Called(service, took, err) }
}

// A Factory builds plugins of one type from the raw JSON of their entry in a config token.
type Factory struct {
	// Build does no network I/O, so that an identity provider that is down breaks one step, not the token. problems are
	// unknown options and what the constructor reports, each with its path; whether they refuse the token is the caller's
	// policy. With an error there is no plugin.
	Build func(raw json.RawMessage, env Env) (p Plugin, problems []error, err error)
	// Config is the type of the plugin's configuration, for schemas and documentation.
	Config reflect.Type
	// Lint says what is unsafe in an entry although it works; see [Linter]. Never nil.
	Lint func(raw json.RawMessage, conditional bool, say func(text string))
	// Complete adds the defaults of external-auth-server to an entry as queries see it; see [Completer]. Never nil.
	Complete func(entry *query.Object)
	// Migrate says what an entry does otherwise than in external-auth-server; see [Migrator]. Never nil.
	Migrate func(raw json.RawMessage, say func(text string))
}

// A Linter is a configuration that knows what is unsafe in it although it works: "url: http sends passwords in clear".
// Each text starts with the option's path where it is about one, and holds no secret. conditional says that the entry
// has skip rules, so that not every request comes to it.
type Linter interface {
	Lint(conditional bool, say func(text string))
}

// A Migrator is a configuration that knows what is otherwise here than in external-auth-server, for whoever moves from
// there. The texts are like a [Linter]'s.
type Migrator interface {
	Migrate(say func(text string))
}

// Registry maps the "type" of a plugin entry to its factory.
type Registry map[string]Factory

// Options returns the type of the options of a plugin, nil for one that is not known.
func (r Registry) Options(name string) reflect.Type { return r[name].Config }

// stepFields belong to the pipeline, not to a plugin's own configuration.
var stepFields = []string{"type", "pcb", "custom_service_headers", "custom_error_headers"}

// Of turns a typed constructor into a registry entry. It is the one place that decodes plugin configurations: a value
// of another type than its option's is an error with its path in native tokens; in those of EAS's format it is what
// JavaScript takes it for, or an error too.
func Of[C any](build func(C, Env) (Plugin, error)) Factory {
	t := reflect.TypeFor[C]()
	return Factory{
		Config: t,
		Build: func(raw json.RawMessage, env Env) (Plugin, []error, error) {
			var c C
			var problems []error
			env.Report = func(err error) { problems = append(problems, err) }
			if !env.Native {
				raw = strictjson.AsJavaScript(raw, t, env.Report)
			}
			unknown, err := strictjson.Decode(raw, &c, stepFields...)
			if err != nil {
				return nil, problems, err
			}
			problems = append(problems, unknown...)
			p, err := build(c, env)
			return p, problems, err
		},
		Lint: func(raw json.RawMessage, conditional bool, say func(text string)) {
			var c C
			raw = strictjson.AsJavaScript(raw, t, func(err error) { say(err.Error()) })
			// What cannot be decoded is an error of the compilation.
			if l, ok := any(&c).(Linter); ok && decodes(raw, &c) {
				l.Lint(conditional, say)
			}
		},
		Complete: func(entry *query.Object) {
			var c C
			if d, ok := any(&c).(Completer); ok {
				d.Complete(entry)
			}
		},
		Migrate: func(raw json.RawMessage, say func(text string)) {
			var c C
			raw = strictjson.AsJavaScript(raw, t, func(error) {})
			if m, ok := any(&c).(Migrator); ok && decodes(raw, &c) {
				m.Migrate(say)
			}
		},
	}
}

func decodes(raw json.RawMessage, v any) bool {
	_, err := strictjson.Decode(raw, v)
	return err == nil
}
