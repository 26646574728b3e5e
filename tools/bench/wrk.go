package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connections is how many wrk keeps open, from one thread.
const connections = 32

// A load is what wrk sends.
type load struct {
	// paths are asked for in turn.
	paths   []string
	headers map[string]string
}

// A sample is what wrk measured.
type sample struct {
	perSecond float64
	p99       time.Duration
	requests  int
	cpu       time.Duration // the server's processor time per request
}

// lua writes the script that makes wrk send l. Requests are formatted once, not each time.
func (l load) lua(dir string) (string, error) {
	var b strings.Builder
	b.WriteString("local headers = {}\n")
	names := make([]string, 0, len(l.headers)+len(forwarded))
	all := map[string]string{}
	for _, m := range []map[string]string{forwarded, l.headers} {
		for k, v := range m {
			if all[k] == "" {
				names = append(names, k)
			}
			all[k] = v
		}
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Fprintf(&b, "headers[%q] = %q\n", k, all[k])
	}
	paths := filepath.Join(dir, "paths")
	if err := os.WriteFile(paths, []byte(strings.Join(l.paths, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	fmt.Fprintf(&b, `local requests, n, i = {}, 0, 0
function init()
  for path in io.lines(%q) do
    n = n + 1
    requests[n] = wrk.format("GET", path, headers)
  end
end
function request()
  i = i %% n + 1
  return requests[i]
end
`, paths)
	script := filepath.Join(dir, "load.lua")
	return script, os.WriteFile(script, []byte(b.String()), 0o600)
}

var (
	perSecondLine = regexp.MustCompile(`(?m)^Requests/sec:\s+([\d.]+)$`)
	p99Line       = regexp.MustCompile(`(?m)^\s+99%\s+([\d.]+)(us|ms|s|m) *$`)
	requestsLine  = regexp.MustCompile(`(?m)^\s+(\d+) requests in `)
	refusedLine   = regexp.MustCompile(`(?m)^\s+(Non-2xx or 3xx responses|Socket errors): .*$`)
)

// wrk sends l to addr for d. An answer that is not 2xx or 3xx is an error: a fast denial would look like speed.
func (b *bench) wrk(ctx context.Context, addr string, l load, d time.Duration) (sample, error) {
	script, err := l.lua(b.dir)
	if err != nil {
		return sample{}, err
	}
	args := slices.Concat(b.pins.client, []string{"wrk", "-t1", "-c" + strconv.Itoa(connections), "-d" + d.String(), "--latency", "-s", script, "http://" + addr})
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

func parseWrk(out string) (sample, error) {
	if m := refusedLine.FindString(out); m != "" {
		return sample{}, fmt.Errorf("wrk: %s", strings.TrimSpace(m))
	}
	perSecond, p99, requests := perSecondLine.FindStringSubmatch(out), p99Line.FindStringSubmatch(out), requestsLine.FindStringSubmatch(out)
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
	s.requests, err = strconv.Atoi(requests[1])
	return s, err
}
