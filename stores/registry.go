package stores

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/strictjson"
)

// Env is all that a store may reach besides its options. Every field is needed.
type Env struct {
	Log *slog.Logger
	Now func() time.Time
	// LookupEnv is os.LookupEnv, but in tests.
	LookupEnv func(name string) (value string, ok bool)
	// Roots are the certificate authorities to trust where options name none; nil are the system's.
	Roots *x509.CertPool
	// LookedUp is told how each question to a store went, and Cached whether its cache had the answer; nil drops it.
	LookedUp func(store string, took time.Duration, ok bool, err error)
	Cached   func(hit bool)

	id string // of the store that is opened
}

// An Adapter opens stores of one kind.
type Adapter struct {
	// Open does no network I/O: a database that is down fails lookups, not the start. Unknown options are errors.
	Open func(options json.RawMessage, env Env) (Store, error)
	// Options is the type of the options, for documentation.
	Options reflect.Type
}

// Registry maps the "adapter" of a store to what opens it.
type Registry map[string]Adapter

// Of turns a typed constructor into a registry entry. It is the one place that decodes options.
func Of[C any](open func(C, Env) (Store, error)) Adapter {
	return Adapter{
		Options: reflect.TypeFor[C](),
		Open: func(raw json.RawMessage, env Env) (Store, error) {
			var c C
			if err := strictjson.Unmarshal(raw, &c); err != nil {
				return nil, err
			}
			return open(c, env)
		},
	}
}

// Open opens the stores that text names: the value of EAS_CONFIG_TOKEN_STORES, JSON or YAML such as
//
//	{"primary": {"adapter": "file", "options": {"path": "/etc/easgate/tokens.json"}}}
//
// No text means no stores. An entry that cannot be opened does not stop the others: it becomes a store whose lookups
// fail, named by [Set.Check] and [Set.Ready]. The error is for text that is not a list of stores at all.
func Open(text string, adapters Registry, env Env) (*Set, error) {
	set := &Set{stores: map[string]Store{}}
	if strings.TrimSpace(text) == "" {
		return set, nil
	}
	raw, err := document.ConvertLoosely([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("config token stores: %w", err)
	}
	var entries map[string]json.RawMessage
	if err := strictjson.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("config token stores: %w", err)
	}
	for id, raw := range entries {
		e := env
		e.Log, e.id = env.Log.With("store", id), id
		s, err := open(raw, adapters, e)
		if err != nil {
			s = broken{err}
		}
		set.stores[id] = s
	}
	return set, nil
}

var errRequired = errors.New("required")

func open(raw json.RawMessage, adapters Registry, env Env) (Store, error) {
	var entry struct {
		Adapter string          `json:"adapter"`
		Options json.RawMessage `json:"options"`
	}
	if err := strictjson.Unmarshal(raw, &entry); err != nil {
		return nil, err
	}
	adapter, ok := adapters[entry.Adapter]
	switch {
	case entry.Adapter == "":
		return nil, problem.At("adapter", errRequired)
	case !ok:
		return nil, problem.At("adapter", problem.Unknown("adapter", entry.Adapter, slices.Sorted(maps.Keys(adapters))...))
	case len(entry.Options) == 0 || string(entry.Options) == "null":
		return nil, problem.At("options", errRequired)
	}
	s, err := adapter.Open(entry.Options, env)
	if err == nil {
		return s, nil
	}
	var errs []error
	for _, part := range problem.Split(err) { // each begins with an option
		errs = append(errs, fmt.Errorf("options.%w", part))
	}
	return nil, errors.Join(errs...)
}

// Seconds is a length of time; in JSON a number of seconds, 0 or more.
type Seconds time.Duration

// UnmarshalJSON takes a number, or the text of one.
func (s *Seconds) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	const decade = 10 * 365 * 24 * 3600
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(n >= 0 && n <= decade) {
		return errors.New("want seconds, 0 or more")
	}
	*s = Seconds(n * float64(time.Second))
	return nil
}
