package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/easgate/easgate/plugins"
)

// metrics counts verifications. Label values come from fixed lists only: what a stranger sends is never one.
type metrics struct {
	registry *prometheus.Registry
	// verifications is indexed by outcome and the deciding plugin's type, resolved in advance.
	verifications [outcomes]map[string]prometheus.Counter
	seconds       prometheus.Histogram
}

// An outcome is what became of a verify request.
type outcome int

const (
	outcomeAllow outcome = iota
	outcomeDeny
	outcomeRefused // before any plugin was asked: the request or its token is unusable
	outcomeError   // our failure
	outcomes
)

func (o outcome) String() string {
	return [...]string{"allow", "deny", "refused", "error"}[o]
}

func newMetrics(registry plugins.Registry) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "easgate_verifications_total",
		Help: "Verify requests by outcome and the type of the plugin that decided.",
	}, []string{"outcome", "plugin"})
	for o := range outcomes {
		m.verifications[o] = map[string]prometheus.Counter{"": total.WithLabelValues(o.String(), "none")}
		for kind := range registry {
			m.verifications[o][kind] = total.WithLabelValues(o.String(), kind)
		}
	}
	m.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "easgate_verification_seconds",
		Help:    "Time from the verify request to its answer.",
		Buckets: []float64{10e-6, 50e-6, 100e-6, 500e-6, 1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 2.5, 10},
	})
	m.registry.MustRegister(total, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(o outcome, plugin string, took time.Duration) {
	c, ok := m.verifications[o][plugin]
	if !ok {
		c = m.verifications[o][""]
	}
	c.Inc()
	m.seconds.Observe(took.Seconds())
}
