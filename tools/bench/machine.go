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
	// load is the load average when it began: on a quiet machine it is near 0.
	load string
	cpus int
}

func describeMachine(ctx context.Context, binary string, p pins) machine {
	m := machine{date: time.Now().UTC().Format(time.DateOnly), cpu: "unknown", cpus: runtime.NumCPU(),
		goVersion: runtime.Version(), load: "unknown"}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.cpu = strings.TrimSpace(v)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(text), " ")
	}
	m.system = firstLine(exec.CommandContext(ctx, "uname", "-sr"))
	m.easgate = firstLine(exec.CommandContext(ctx, binary, "version"))
	m.wrk = firstLine(exec.CommandContext(ctx, "wrk", "-v"))
	m.wrk, _, _ = strings.Cut(m.wrk, " Copyright")
	m.wrk, _, _ = strings.Cut(m.wrk, " [")
	m.pinned = "not pinned to processors"
	if p.server != nil {
		m.pinned = fmt.Sprintf("the server on processor %s (GOMAXPROCS %d), wrk on processor %s", p.server[2], m.cpus-1,
			p.client[2])
	}
	return m
}

// firstLine is the first line that cmd prints, whatever it thinks of its arguments.
func firstLine(cmd *exec.Cmd) string {
	out, _ := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
