//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// While a stranger does its worst for a few seconds, nobody else is denied, and memory stays bounded. How long others wait
// is `make flood`'s to say: a machine that runs other tests beside this one says nothing about it.
func TestFlood(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "easgate")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/easgate/easgate/cmd/easgate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := newBench(t.Context(), options{plan: short}, dir, binary)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	rows, rss, err := b.flood(t.Context(), 4*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Logf("%s: %d requests, p99 %v", r.user, r.requests, r.p99)
		if r.denied > 0 || r.requests == 0 {
			t.Errorf("%s: %d of %d requests were not allowed", r.user, r.denied, r.requests)
		}
	}
	if rss > floodMemory {
		t.Errorf("resident memory: %s, want at most %s", mb(rss), mb(floodMemory))
	}
}
