package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// summary is the short table for README.md.
func (r *report) summary() string {
	var b strings.Builder
	m := r.machine
	b.WriteString("| request | requests/s | beside a bare echo handler | p99 |\n|---|--:|--:|--:|\n")
	for _, w := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %.2f | %v |\n", w.name, count(w.ours.perSecond), w.speed, micro(w.ours.p99))
	}
	fmt.Fprintf(&b, "\n- From start to the first answer: %v.\n", r.memory.start.Round(time.Millisecond))
	fmt.Fprintf(&b, "- Memory: %s idle, %s after %s requests.\n", mb(r.memory.idle), mb(r.memory.after),
		count(float64(r.plan.soak)))
	if n := len(r.store); n > 2 {
		some, all := r.store[n-2], r.store[n-1]
		fmt.Fprintf(&b, "- Of %s tokens in an SQLite store, %s in use cost %.2f× of one per request, all of them %.2f× "+
			"within %s.\n",
			count(float64(r.plan.storeTokens)), count(float64(some.inUse)), some.cost, all.cost, mb(all.rss))
	}
	fmt.Fprintf(&b, "\nMeasured on %d × %s (%s), %s, with %s: one processor for the server, one for the load. [All of "+
		"it, and how](docs/benchmarks.md);\n`make bench` measures on yours.\n",
		m.cpus, m.cpu, m.system, m.date, m.goVersion)
	return b.String()
}

const blockStart, blockEnd = "<!-- bench -->", "<!-- /bench -->"

// replaceBlock returns text with what is between its markers replaced.
func replaceBlock(text, with string) (string, error) {
	before, rest, ok1 := strings.Cut(text, blockStart)
	_, after, ok2 := strings.Cut(rest, blockEnd)
	if !ok1 || !ok2 {
		return "", errors.New("no block between " + blockStart + " and " + blockEnd)
	}
	return before + blockStart + "\n" + with + blockEnd + after, nil
}
