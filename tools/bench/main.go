// Command bench measures easgate with wrk, beside a bare echo handler that answers 200 to the very same requests, in
// one run and in turns, and writes a Markdown table. Everything stays on the loopback interface and ends by itself.
//
//	go run ./tools/bench [-short] [-easgate bin/easgate] [-out docs/benchmarks.md]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// A plan says how long and how much to measure.
type plan struct {
	rounds      int
	duration    time.Duration
	soak        int // requests before memory is read
	starts      int
	storeTokens int
}

var (
	full  = plan{rounds: 3, duration: 5 * time.Second, soak: 1_000_000, starts: 9, storeTokens: 100_000}
	short = plan{rounds: 1, duration: time.Second, soak: 50_000, starts: 3, storeTokens: 10_000}
)

func main() {
	quick := flag.Bool("short", false, "a quick look: one round of one second, a small store")
	binary := flag.String("easgate", "bin/easgate", "the `binary` to measure")
	out := flag.String("out", "docs/benchmarks.md", "the `file` to write; - is standard output")
	only := flag.String("only", "", "measure one `part`: echo, store or memory; writes no file")
	flag.Parse()
	p := full
	if *quick {
		p = short
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := run(ctx, p, *binary, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // everything that was started has been stopped by run
	}
}

func run(ctx context.Context, p plan, binary, out, only string) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is missing: apt-get install wrk")
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w (make build makes it)", err)
	}
	dir, err := os.MkdirTemp("", "easgate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, p, dir, binary)
	if err != nil {
		return err
	}
	defer b.close()

	r := report{machine: describeMachine(ctx, binary, b.pins), plan: p}
	if only == "" || only == "echo" {
		if r.rows, err = b.compareAll(ctx); err != nil {
			return err
		}
	}
	if only == "" || only == "store" {
		if r.store, err = b.manyTokens(ctx); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if only == "" || only == "memory" {
		if r.memory, err = b.memory(ctx); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	if only != "" {
		return nil // it was printed as it was measured
	}
	text := r.markdown()
	if out == "-" {
		_, err = os.Stdout.WriteString(text)
		return err
	}
	fmt.Print(text)
	return os.WriteFile(out, []byte(text), 0o644)
}
