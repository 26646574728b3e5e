package main

import (
	"fmt"
	"strings"
	"time"
)

// A report is all that was measured.
type report struct {
	machine machine
	plan    plan
	took    time.Duration
	rows    []row
	store   []storeRow // none if it was not measured
	memory  memoryRow  // zero if it was not measured
	flood   string     // Markdown, empty if it was not measured
	missed  error      // what of flood is not as wanted
	// eas says that external-auth-server was to be measured too.
	eas bool
	// missing is what could not be measured, and why.
	missing []error
}

// What the project promises, besides each scenario's ratio.
const (
	latencyAtMost   = 3
	startAtMost     = 100 * time.Millisecond
	idleAtMost      = 40 << 20
	soakedAtMost    = 60 << 20
	manyBytesAtMost = 256 << 20
)

// manyCostAtMost is how many times the cost of one token in use a hundredth and all of them may have.
var manyCostAtMost = [...]float64{1, 1.2, 2}

func mb(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/(1<<20)) }

func verdict(ok bool) string {
	if ok {
		return ""
	}
	return " (missed)"
}

// count writes a number with a comma before each three digits.
func count(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// page is the whole report as Markdown.
func (r *report) page() string {
	var b strings.Builder
	m, p := r.machine, r.plan
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench` (`tools/bench`), which anyone can run again; it took %v. `go "+
		"run ./tools/bench -eas URL` adds a\nrunning external-auth-server to the comparison.\n\n", r.took.Round(time.Second))
	fmt.Fprintf(&b, "| | |\n|---|---|\n| date | %s |\n| machine | %d × %s, %s, load average at the start %s |\n| "+
		"easgate | %s |\n| compiler, of both servers | %s, the same flags |\n| generator | %s, %d connections from one "+
		"thread |\n| processors | %s |\n| logs | at their default |\n",
		m.date, m.cpus, m.cpu, m.system, m.load, m.easgate, m.goVersion, m.wrk, connections, m.pinned)
	for _, err := range r.missing {
		fmt.Fprintf(&b, "\n**Not measured**: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if len(r.rows) > 0 {
		r.comparison(&b)
	}
	if len(r.store) > 0 {
		fmt.Fprintf(&b, "\n## Many tokens\n\nOf %s tokens in an SQLite store with `cache_ttl`, so many asked for in turn, "+
			"each at least once before the clock starts;\none server for each line, measured in turns.\n\n",
			count(float64(p.storeTokens)))
		b.WriteString("| tokens in use | requests/s | p99 | cost of one request | wanted | CPU | CPU ratio | memory | " +
			"wanted |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for i, w := range r.store {
			fmt.Fprintf(&b, "| %s | %s | %v | **%.2f×**%s | ≤ %.1f× | %v | %.2f× | %s%s | ≤ %s |\n", count(float64(w.inUse)),
				count(w.perSecond), micro(w.p99),
				w.cost, verdict(w.cost <= manyCostAtMost[i]), manyCostAtMost[i], micro(w.cpu), w.work, mb(w.rss),
				verdict(w.rss <= manyBytesAtMost), mb(manyBytesAtMost))
		}
	}
	if r.memory != (memoryRow{}) {
		b.WriteString("\n## Start and memory\n\n| | measured | wanted |\n|---|--:|--:|\n")
		fmt.Fprintf(&b, "| from start to the first 200 on `/verify` | %v%s | ≤ %v |\n",
			r.memory.start.Round(100*time.Microsecond), verdict(r.memory.start <= startAtMost), startAtMost)
		fmt.Fprintf(&b, "| resident memory, idle | %s%s | ≤ %s |\n", mb(r.memory.idle), verdict(r.memory.idle <= idleAtMost),
			mb(idleAtMost))
		fmt.Fprintf(&b, "| resident memory after %s requests | %s%s | ≤ %s |\n", count(float64(p.soak)), mb(r.memory.after),
			verdict(r.memory.after <= soakedAtMost), mb(soakedAtMost))
	}
	b.WriteString(r.flood)
	return b.String()
}

func (r *report) comparison(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Beside a bare echo handler\n\nThe handler (`tools/bench/echo`) has one route and answers 200 "+
		"to the very same requests, byte for byte: %d rounds of %v\nin turns. Values are medians; ratios are medians of "+
		"the rounds' own. CPU is the server's processor time per request; it\nswings less than requests/s when the "+
		"machine has other work, but it swings too.\n\n", r.plan.rounds, r.plan.duration)
	columns := []string{"request", "requests/s", "echo", "ratio", "wanted", "p99", "echo's p99", "ratio", "wanted", "CPU",
		"echo's CPU", "ratio", "bytes"}
	if r.eas {
		columns = append(columns, "EAS requests/s", "EAS p99", "times faster")
	}
	fmt.Fprintf(b, "| %s |\n|---%s|\n", strings.Join(columns, " | "), strings.Repeat("|--:", len(columns)-1))
	for _, w := range r.rows {
		cells := make([]string, len(columns))
		cells[0] = w.name
		if w.missing != nil {
			cells[1] = "not measured"
		} else {
			promised := w.atLeast > 0
			wanted, latencyWanted := "–", "–"
			if promised {
				wanted, latencyWanted = fmt.Sprintf("≥ %.2f", w.atLeast), fmt.Sprintf("≤ %d", latencyAtMost)
			}
			copy(cells[1:], []string{
				count(w.ours.perSecond), count(w.echo.perSecond),
				fmt.Sprintf("**%.2f**%s", w.speed, verdict(w.speed >= w.atLeast)), wanted,
				micro(w.ours.p99).String(), micro(w.echo.p99).String(),
				fmt.Sprintf("%.1f%s", w.latency, verdict(!promised || w.latency <= latencyAtMost)), latencyWanted,
				micro(w.ours.cpu).String(), micro(w.echo.cpu).String(), fmt.Sprintf("%.2f", w.cost), count(float64(w.bytes)),
			})
		}
		if w.eas.requests > 0 {
			copy(cells[13:], []string{count(w.eas.perSecond), micro(w.eas.p99).String(),
				fmt.Sprintf("%.0f×", w.ours.perSecond/w.eas.perSecond)})
		} else if r.eas {
			copy(cells[13:], []string{"–", "–", "–"})
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	for _, w := range r.rows {
		if w.refused > 0 {
			fmt.Fprintf(b, "\n%s: %d requests were not allowed.\n", w.name, w.refused)
		}
		if w.easMissing != nil {
			fmt.Fprintf(b, "\nexternal-auth-server, %s: not measured: %s\n", w.name,
				strings.ReplaceAll(w.easMissing.Error(), "\n", "; "))
		}
	}
}
