package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/easgate/easgate/plugins/builtin"
)

// docs/operations.md has a row for each metric, with its labels, and no others.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(easgate_\\w+)` \\| ([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = m[2]
	}
	registry := prometheus.NewRegistry()
	m := New(registry, builtin.Registry())
	m.Build("v1")
	m.LookedUp("main", time.Second, true, nil)
	m.Called("ldap", time.Second, nil)
	m.Cache("url", func() (asked, missed uint64) { return 0, 0 })
	m.Sessions("memory", map[string][]string{"load": {"found"}})("load", "found")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "easgate_") {
			continue
		}
		row, ok := rows[f.GetName()]
		if !ok {
			t.Errorf("docs/operations.md: no row for %s", f.GetName())
		}
		delete(rows, f.GetName())
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		var documented []string
		for _, w := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(row, ""), -1) {
			documented = append(documented, w[1])
		}
		slices.Sort(documented)
		if !slices.Equal(documented, labels) {
			t.Errorf("docs/operations.md: %s has the labels %q, want %q", f.GetName(), documented, labels)
		}
	}
	for name := range rows {
		t.Errorf("docs/operations.md: there is no metric %s", name)
	}
}
