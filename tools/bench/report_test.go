package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func sampleReport() *report {
	fast := sample{perSecond: 61234, p99: 1590 * time.Microsecond, requests: 10, cpu: 15 * time.Microsecond}
	return &report{
		machine: machine{date: "2026-11-22", cpu: "Example CPU", cpus: 2, system: "Linux 6", goVersion: "go1.26"},
		plan:    full,
		rows: []row{
			{name: "good", atLeast: 0.8, ours: fast, echo: fast, speed: 0.85, latency: 1.2, cost: 1.2, bytes: 1234},
			{name: "slow", atLeast: 0.8, ours: fast, echo: fast, speed: 0.5, latency: 4, cost: 2},
			{name: "free", ours: fast, echo: fast, speed: 0.05, latency: 40, cost: 12},
		},
		store:  []storeRow{{inUse: 1, cost: 1}, {inUse: 1000, cost: 1.1}, {inUse: 100000, cost: 2.5, rss: 300 << 20}},
		memory: memoryRow{start: 12 * time.Millisecond, idle: 30 << 20, after: 50 << 20},
	}
}

func TestPage(t *testing.T) {
	page := sampleReport().page()
	for _, want := range []string{
		"| free | 61,234 | 61,234 | **0.05** | – | 1.59ms | 1.59ms | 40.0 | – | 15µs | 15µs | 12.00 |",
		"| good | 61,234 | 61,234 | **0.85** | ≥ 0.80 | 1.59ms | 1.59ms | 1.2 | ≤ 3 | 15µs | 15µs | 1.20 | 1,234 |",
		"**0.50** (missed)", "| 4.0 (missed) |", "**2.50×** (missed)", "300 MB (missed)", "| 30 MB | ≤ 40 MB |", "2026-11-22", "2 × Example CPU",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page() lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "EAS requests/s") {
		t.Error("a column for a server that was not measured")
	}
}

// A part that failed must not take the others' results with it, nor look like one that went well.
func TestPageWithMissingParts(t *testing.T) {
	r := sampleReport()
	r.rows[1] = row{name: "slow", missing: errors.New("status 503")}
	r.store, r.memory = nil, memoryRow{}
	r.missing = []error{errors.New("http: slow: status 503"), errors.New("store: disk full")}
	page := r.page()
	for _, want := range []string{"**0.85**", "| slow | not measured |", "**Not measured**: store: disk full"} {
		if !strings.Contains(page, want) {
			t.Errorf("page() lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "## Start and memory") || strings.Contains(page, "## Many tokens") {
		t.Errorf("page() shows what was not measured:\n%s", page)
	}
}

func TestPageWithEAS(t *testing.T) {
	r := sampleReport()
	r.eas = true
	r.rows[0].eas = sample{perSecond: 1719, p99: 20 * time.Millisecond, requests: 5}
	r.rows[1].easMissing = errItsStore
	page := r.page()
	for _, want := range []string{"| 1,719 | 20ms | 36× |", "| – | – | – |", "external-auth-server, slow: not measured: " + errItsStore.Error()} {
		if !strings.Contains(page, want) {
			t.Errorf("page() lacks %q:\n%s", want, page)
		}
	}
}

func TestReplaceBlock(t *testing.T) {
	const text = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n"
	got, err := replaceBlock(text, "new\n")
	if want := "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n"; err != nil || got != want {
		t.Errorf("replaceBlock() = %q, %v, want %q", got, err, want)
	}
	if again, err := replaceBlock(got, "new\n"); err != nil || again != got {
		t.Errorf("replaceBlock(again) = %q, %v", again, err)
	}
	for _, broken := range []string{"", "<!-- bench -->", "<!-- /bench --><!-- bench -->"} {
		if got, err := replaceBlock(broken, "new"); err == nil {
			t.Errorf("replaceBlock(%q) = %q, want an error", broken, got)
		}
	}
}

func TestSummary(t *testing.T) {
	s := sampleReport().summary()
	for _, want := range []string{"| good | 61,234 | 0.85 | 1.59ms |", "1,000 in use cost 1.10×", "30 MB idle, 50 MB after 1,000,000 requests", "12ms", "2 × Example CPU"} {
		if !strings.Contains(s, want) {
			t.Errorf("summary() lacks %q:\n%s", want, s)
		}
	}
}

func TestCount(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(in); got != want {
			t.Errorf("count(%v) = %s, want %s", in, got, want)
		}
	}
}

// The machine slows down in the second round; each round's own ratio does not mind.
func TestRatiosAreOfTheRounds(t *testing.T) {
	at := func(perSecond float64) sample {
		return sample{perSecond: perSecond, p99: time.Millisecond, requests: 1, cpu: time.Microsecond}
	}
	var r row
	r.fill([]sample{at(80), at(8), at(40)}, []sample{at(100), at(10), at(50)})
	if r.speed != 0.8 || r.ours.perSecond != 40 || r.echo.perSecond != 50 {
		t.Errorf("fill() = %+v, want ratio 0.8 of 40 and 50", r)
	}
}
