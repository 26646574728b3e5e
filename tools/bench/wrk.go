package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connections is how many wrk keeps open, from one thread.
const connections = 32

// A sample is what one round measured.
type sample struct {
	perSecond float64
	p99       time.Duration
	requests  int
	refused   int           // of them, answered otherwise than allowed
	cpu       time.Duration // the server's processor time per request, 0 if it is not known
}

var (
	perSecondLine = regexp.MustCompile(`(?m)^Requests/sec:\s+([\d.]+)$`)
	p99Line       = regexp.MustCompile(`(?m)^\s+99%\s+([\d.]+)(us|ms|s|m) *$`)
	requestsLine  = regexp.MustCompile(`(?m)^\s+(\d+) requests in `)
	brokenLine    = regexp.MustCompile(`(?m)^\s+Socket errors: .*$`)
	refusedLine   = regexp.MustCompile(`(?m)^\s+Non-2xx or 3xx responses: (\d+)$`)
)

// wrk sends l to base ("http://host:port") for one round.
func (b *bench) wrk(ctx context.Context, base string, l load) (sample, error) {
	script, err := l.lua(b.dir)
	if err != nil {
		return sample{}, err
	}
	args := slices.Concat(b.pins.client, []string{
		"wrk", "-t1", "-c" + strconv.Itoa(connections), "-d" + b.plan.duration.String(), "--timeout", "30s", "--latency",
		"-s", script, base,
	})
	ctx, cancel := context.WithTimeout(ctx, b.plan.duration+30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

// measure sends l to p for one round, and looks at the processor time that p takes.
func (b *bench) measure(ctx context.Context, p *process, l load) (sample, error) {
	return p.watch(func() (sample, error) { return b.wrk(ctx, "http://"+p.addr, l) })
}

// parseWrk reads what wrk prints. Denials are an error: fast ones would look like speed. Fewer than one in a thousand
// change no number, and happen where a busy machine makes a time limit fire; they are counted.
func parseWrk(out string) (sample, error) {
	if m := brokenLine.FindString(out); m != "" {
		return sample{}, fmt.Errorf("wrk: %s", strings.TrimSpace(m))
	}
	perSecond, p99, requests := perSecondLine.FindStringSubmatch(out), p99Line.FindStringSubmatch(out),
		requestsLine.FindStringSubmatch(out)
	if perSecond == nil || p99 == nil || requests == nil {
		return sample{}, fmt.Errorf("wrk: unexpected output: %s", out)
	}
	var s sample
	var err error
	if s.perSecond, err = strconv.ParseFloat(perSecond[1], 64); err != nil {
		return sample{}, err
	}
	if s.p99, err = time.ParseDuration(p99[1] + p99[2]); err != nil {
		return sample{}, err
	}
	if s.requests, err = strconv.Atoi(requests[1]); err != nil {
		return sample{}, err
	}
	if m := refusedLine.FindStringSubmatch(out); m != nil {
		if s.refused, err = strconv.Atoi(m[1]); err != nil {
			return sample{}, err
		}
	}
	if s.refused*1000 >= max(1, s.requests) {
		return sample{}, fmt.Errorf("wrk: %d of %d requests were not allowed", s.refused, s.requests)
	}
	return s, nil
}
