package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// A machine is where and with what was measured.
type machine struct {
	date, cpu, system, easgate, goVersion, wrk, pinned string
	cpus                                               int
}

func describeMachine(ctx context.Context, binary string, p pins) machine {
	m := machine{date: time.Now().UTC().Format(time.DateOnly), cpu: "unknown", cpus: runtime.NumCPU(), goVersion: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.cpu = strings.TrimSpace(v)
				break
			}
		}
	}
	m.system = firstLine(exec.CommandContext(ctx, "uname", "-sr"))
	m.easgate = firstLine(exec.CommandContext(ctx, binary, "version"))
	m.wrk = firstLine(exec.CommandContext(ctx, "wrk", "-v"))
	m.wrk, _, _ = strings.Cut(m.wrk, " Copyright")
	m.pinned = "not pinned to processors"
	if p.server != nil {
		m.pinned = fmt.Sprintf("the server on processors %s (GOMAXPROCS %d), wrk on processor %s", p.server[2], m.cpus-1, p.client[2])
	}
	return m
}

// firstLine is the first line that cmd prints, whatever it thinks of its arguments.
func firstLine(cmd *exec.Cmd) string {
	out, _ := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// A report is all that was measured.
type report struct {
	machine machine
	plan    plan
	rows    []row
	store   []storeRow
	memory  memoryRow
}

func mb(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/(1<<20)) }

func verdict(ok bool) string {
	if ok {
		return ""
	}
	return " (missed)"
}

// markdown writes the report as a page.
func (r *report) markdown() string {
	var b strings.Builder
	m, p := r.machine, r.plan
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench` (`tools/bench`), which anyone can run again.\n\n")
	fmt.Fprintf(&b, "%s, %d × %s, %s; %s, %s, %s. ", m.date, m.cpus, m.cpu, m.system, m.easgate, m.goVersion, m.wrk)
	fmt.Fprintf(&b, "wrk keeps %d connections open from one thread; %s. Logs are at their default.\n\n", connections, m.pinned)

	fmt.Fprintf(&b, "## Beside a bare echo handler\n\nThe handler answers 200 to the very same requests, in the same run: %d rounds in turns of %v each, medians.\nCPU is the server's processor time per request; unlike the rest it hardly changes when the machine has other work.\n\n", p.rounds, p.duration)
	b.WriteString("| request | requests/s | echo | ratio | wanted | p99 | echo's p99 | ratio | wanted | CPU | echo's CPU | verify URL |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, w := range r.rows {
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | **%.2f**%s | ≥ %.2f | %v | %v | %.1f%s | ≤ 3 | %v | %v | %d bytes |\n",
			w.name, w.perSecond, w.echo, w.ratio, verdict(w.ratio >= w.atLeast), w.atLeast,
			w.p99, w.echoP99, w.latency, verdict(w.latency <= 3), w.cpu.Round(100*time.Nanosecond), w.echoCPU.Round(100*time.Nanosecond), w.urlBytes)
	}

	fmt.Fprintf(&b, "\n## Many tokens\n\nOf %d tokens in an SQLite store with `cache_ttl`, asked for in turn:\n\n", p.storeTokens)
	b.WriteString("| tokens in use | requests/s | cost of one request | wanted | CPU | memory | wanted |\n|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, w := range r.store {
		want := []float64{1, 1.2, 2}[i]
		fmt.Fprintf(&b, "| %d | %.0f | %.2f×%s | ≤ %.1f× | %v | %s%s | ≤ 256 MB |\n",
			w.inUse, w.perSecond, w.cost, verdict(w.cost <= want), want, w.cpu.Round(100*time.Nanosecond), mb(w.rss), verdict(w.rss <= 256<<20))
	}

	b.WriteString("\n## Start and memory\n\n| | measured | wanted |\n|---|--:|--:|\n")
	fmt.Fprintf(&b, "| from start to the first 200 on `/verify` | %v%s | ≤ 100ms |\n", r.memory.start.Round(100*time.Microsecond), verdict(r.memory.start <= 100*time.Millisecond))
	fmt.Fprintf(&b, "| resident memory, idle | %s%s | ≤ 40 MB |\n", mb(r.memory.idle), verdict(r.memory.idle <= 40<<20))
	fmt.Fprintf(&b, "| resident memory after %d requests | %s%s | ≤ 60 MB |\n", p.soak, mb(r.memory.after), verdict(r.memory.after <= 60<<20))
	return b.String()
}
