package main

import (
	"strings"
	"testing"
	"time"
)

const wrkOutput = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   486.97us  334.37us   8.05ms   89.49%
    Req/Sec    66.24k     2.43k   69.94k    80.00%
  Latency Distribution
     50%  428.00us
     75%  607.00us
     90%  768.00us
     99%    1.59ms
  65889 requests in 1.00s, 4.71MB read
Requests/sec:  65876.12
Transfer/sec:      4.71MB
`

func TestParseWrk(t *testing.T) {
	got, err := parseWrk(wrkOutput)
	want := sample{perSecond: 65876.12, p99: 1590 * time.Microsecond, requests: 65889}
	if err != nil || got != want {
		t.Errorf("parseWrk() = %+v, %v, want %+v", got, err, want)
	}
}

// wrk writes a space after seconds.
func TestParseWrkSeconds(t *testing.T) {
	got, err := parseWrk(strings.Replace(wrkOutput, "1.59ms", "1.64s ", 1))
	if err != nil || got.p99 != 1640*time.Millisecond {
		t.Errorf("parseWrk() = %+v, %v, want 1.64s", got, err)
	}
}

// A server that refuses everything is fast; its speed must not be taken for ours.
func TestParseWrkRefusesDenials(t *testing.T) {
	for _, line := range []string{"  Non-2xx or 3xx responses: 66\n", "  Non-2xx or 3xx responses: 65889\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"} {
		out := strings.Replace(wrkOutput, "Requests/sec", line+"Requests/sec", 1)
		if got, err := parseWrk(out); err == nil {
			t.Errorf("parseWrk(%q) = %+v, want an error", line, got)
		}
	}
	if _, err := parseWrk("unable to connect"); err == nil {
		t.Error("parseWrk(no numbers) = nil, want an error")
	}
}

// A time limit that fires on a busy machine must not cost the whole row.
func TestParseWrkCountsRareDenials(t *testing.T) {
	got, err := parseWrk(strings.Replace(wrkOutput, "Requests/sec", "  Non-2xx or 3xx responses: 65\nRequests/sec", 1))
	if err != nil || got.refused != 65 {
		t.Errorf("parseWrk() = %+v, %v, want 65 refused", got, err)
	}
}

func TestMedian(t *testing.T) {
	if got := median([]int{5, 1, 3}, func(i int) int { return i }); got != 3 {
		t.Errorf("median(5, 1, 3) = %d", got)
	}
}
