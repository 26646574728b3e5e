package metrics

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/easgate/easgate/plugins"
)

// Metrics are the counters and histograms. They are safe for concurrent use.
type Metrics struct {
	registry prometheus.Registerer
	// verifications is indexed by outcome and the deciding plugin's type, resolved in advance.
	verifications [outcomes]map[string]prometheus.Counter
	seconds       prometheus.Histogram
	unsent        prometheus.Counter
	lookups       *prometheus.HistogramVec
	calls         *prometheus.HistogramVec
	storeCache    [2]prometheus.Counter // misses, hits
}

// An Outcome is what became of a verify request.
type Outcome int

// The outcomes.
const (
	Allow Outcome = iota
	Deny
	Refused // before any plugin was asked: the request or its token is unusable
	Failed  // our failure
	outcomes
)

// String returns the outcome as a label: "allow", "deny", "refused" or "error".
func (o Outcome) String() string {
	return [...]string{"allow", "deny", "refused", "error"}[o]
}

// New returns metrics for the types of plugins, and registers them with registry.
func New(registry prometheus.Registerer, types plugins.Registry) *Metrics {
	m := &Metrics{registry: registry}
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "easgate_verifications_total",
		Help: "Verify requests by outcome and the type of the plugin that decided.",
	}, []string{"outcome", "plugin"})
	for o := range outcomes {
		m.verifications[o] = map[string]prometheus.Counter{"": total.WithLabelValues(o.String(), "none")}
		for kind := range types {
			m.verifications[o][kind] = total.WithLabelValues(o.String(), kind)
		}
	}
	m.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "easgate_verification_seconds",
		Help:    "Time from the verify request to its answer.",
		Buckets: []float64{10e-6, 50e-6, 100e-6, 500e-6, 1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 2.5, 10},
	})
	outside := []float64{1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 2.5, 10}
	m.lookups = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "easgate_store_lookup_seconds",
		Help: "Time of questions to stores of config tokens, by store and result; what its cache answers is not among " +
			"them.",
		Buckets: outside,
	}, []string{"store", "result"})
	m.calls = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "easgate_call_seconds",
		Help:    "Time of calls to other services (jwks is a fetch of a key set), by service and result.",
		Buckets: outside,
	}, []string{"service", "result"})
	caches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "easgate_store_cache_total",
		Help: "Questions to the caches before stores, by whether they had the answer.",
	}, []string{"result"})
	m.storeCache = [2]prometheus.Counter{caches.WithLabelValues("miss"), caches.WithLabelValues("hit")}
	m.unsent = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "easgate_headers_unsent_total",
		Help: "Custom headers that should have had a value: it could not be sent, or the query failed. The log names each " +
			"once.",
	})
	m.registry.MustRegister(total, m.unsent, m.seconds, m.lookups, m.calls, caches,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Sessions returns what to tell each call to a session store of that kind, and its result, one of results.
func (m *Metrics) Sessions(store string, results map[string][]string) func(call, result string) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "easgate_session_calls_total",
		Help:        "Calls to the store of sessions, by what was asked and what it said.",
		ConstLabels: prometheus.Labels{"store": store},
	}, []string{"call", "result"})
	m.registry.MustRegister(total)
	counters := map[string]map[string]prometheus.Counter{}
	for call, list := range results {
		counters[call] = map[string]prometheus.Counter{}
		for _, result := range list {
			counters[call][result] = total.WithLabelValues(call, result)
		}
	}
	return func(call, result string) { counters[call][result].Inc() }
}

// Cache counts what a cache was asked.
func (m *Metrics) Cache(name string, counts func() (asked, missed uint64)) {
	for result, value := range map[string]func() float64{
		"hit":  func() float64 { asked, missed := counts(); return float64(asked - min(asked, missed)) },
		"miss": func() float64 { _, missed := counts(); return float64(missed) },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "easgate_cache_total",
			Help: "Questions to caches: url, verify URLs; token, texts of config tokens; pipeline, compiled config " +
				"tokens.",
			ConstLabels: prometheus.Labels{"cache": name, "result": result},
		}, value))
	}
}

// Build says what runs: its version, and what the Go toolchain noted.
func (m *Metrics) Build(version string) {
	labels := prometheus.Labels{"version": version, "revision": "", "goversion": ""}
	if info, ok := debug.ReadBuildInfo(); ok {
		labels["goversion"] = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				labels["revision"] = s.Value
			}
		}
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "easgate_build_info",
		Help: "Always 1; the labels say what runs.", ConstLabels: labels})
	build.Set(1)
	m.registry.MustRegister(build)
}

// Called counts a call to another service; see [plugins.Env].
func (m *Metrics) Called(service string, took time.Duration, err error) {
	m.calls.WithLabelValues(service, result(err, "ok")).Observe(took.Seconds())
}

// LookedUp counts a question to a store; see package stores.
func (m *Metrics) LookedUp(store string, took time.Duration, ok bool, err error) {
	found := "found"
	if !ok {
		found = "absent"
	}
	m.lookups.WithLabelValues(store, result(err, found)).Observe(took.Seconds())
}

// Cached counts a question to the cache before a store.
func (m *Metrics) Cached(hit bool) {
	if hit {
		m.storeCache[1].Inc()
	} else {
		m.storeCache[0].Inc()
	}
}

// result is good if there is no error. A client that leaves is not a failure of the service.
func result(err error, good string) string {
	switch {
	case err == nil:
		return good
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}

// Decided counts a decision of a plugin of that type, "" for none's.
func (m *Metrics) Decided(o Outcome, plugin string, took time.Duration) {
	c, ok := m.verifications[o][plugin]
	if !ok {
		c = m.verifications[o][""]
	}
	c.Inc()
	m.seconds.Observe(took.Seconds())
}

// Unsent counts custom headers that should have had a value.
func (m *Metrics) Unsent(n int) { m.unsent.Add(float64(n)) }
