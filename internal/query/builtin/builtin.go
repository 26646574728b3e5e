package builtin

import (
	"time"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonata"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/internal/query/sandbox"
)

// Limits bound one evaluation: wall-clock time, and bytes of memory, roughly. Zero means the default.
type Limits struct {
	Time   time.Duration
	Memory int
}

// Options say which languages there are and how they are bounded.
type Options struct {
	// Token bounds the queries of config tokens; by default 50 ms and 32 MB.
	Token Limits
	// URL bounds the queries of verify URLs, which may be a stranger's; by default 20 ms and 16 MB.
	URL Limits
	// NoURLQueries switches the queries of verify URLs off.
	NoURLQueries bool
	// AllowEval enables js, in verify URLs too, as EAS_ALLOW_EVAL did in external-auth-server.
	AllowEval bool
	// VMs is how many JavaScript VMs each language may have for config tokens at once, of which one token has all but one.
	// Zero means one more than GOMAXPROCS.
	// Verify URLs have one a language, so that strangers cannot keep config tokens waiting.
	VMs int
}

// Languages returns the names of all languages, and for each whether this build knows all of it. Of those that have a
// reference in JavaScript, a build without it (make js) knows what Go evaluates.
func Languages() map[string]bool {
	return map[string]bool{
		"jp":         sandbox.BuiltIn("jsonpath"),
		"jq":         true,
		"jsonata":    sandbox.BuiltIn("jsonata"),
		"handlebars": sandbox.BuiltIn("handlebars"),
		"js":         true,
	}
}

// Engines returns the languages for config tokens and those for verify URLs, nil when these are off.
// After close, queries of either that need a VM fail.
func Engines(o Options) (token, url query.Engines, close func()) {
	own := sandbox.New(sandbox.Options{Limits: sandbox.Limits(o.Token), VMs: o.VMs})
	token = engines(own, jq.New(jq.Limits(o.Token)), o.AllowEval)
	if o.NoURLQueries {
		return token, nil, own.Close
	}
	limits := o.URL
	if limits.Time <= 0 {
		limits.Time = 20 * time.Millisecond
	}
	if limits.Memory <= 0 {
		limits.Memory = 16 << 20
	}
	strangers := sandbox.New(sandbox.Options{Limits: sandbox.Limits(limits), VMs: 1, Strangers: true})
	url = engines(strangers, jq.NewRestricted(jq.Limits{Time: limits.Time, Memory: limits.Memory / 16}), o.AllowEval)
	return token, url, func() {
		own.Close()
		strangers.Close()
	}
}

func engines(vms *sandbox.Sandbox, jq query.Engine, eval bool) query.Engines {
	e := query.Engines{
		"jp":         jsonpath.New(vms.JSONPath()),
		"jq":         jq,
		"jsonata":    jsonata.New(vms.JSONata()),
		"handlebars": handlebars.New(vms.Handlebars()),
	}
	if eval {
		e["js"] = vms.JS()
	}
	return e
}
