// Command bench measures easgate, beside a bare echo handler that answers 200 to the very same requests, in one run and
// in turns; and, where the user has one, beside a running external-auth-server. It writes a Markdown page and the short
// table of README.md. Everything that it starts stays on the loopback interface, and it ends by itself within ten
// minutes.
//
//	go run ./tools/bench [-short] [-only PART [-attack KIND]] [-easgate bin/easgate] [-out docs/benchmarks.md] [-readme README.md] [-eas URL]
//
// Tokens for external-auth-server are sealed with its own variables: EAS_CONFIG_TOKEN_SIGN_SECRET,
// EAS_CONFIG_TOKEN_ENCRYPT_SECRET and, if it has one, EAS_ENCRYPT_IV_SECRET.
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
	"slices"
	"strings"
	"syscall"
	"time"
)

// A plan says how long and how much to measure.
type plan struct {
	rounds      int           // odd, for medians
	duration    time.Duration // of one round: whole seconds, which is all that wrk takes
	soak        int           // requests before memory is read
	starts      int           // odd
	storeTokens int
	flood       time.Duration
}

var (
	full  = plan{rounds: 11, duration: time.Second, soak: 1_000_000, starts: 9, storeTokens: 100_000, flood: time.Minute}
	short = plan{rounds: 1, duration: time.Second, soak: 50_000, starts: 3, storeTokens: 10_000, flood: 5 * time.Second}
)

// atMost is how long all of it may take.
const atMost = 10 * time.Minute

// parts are what -only takes.
var parts = []string{"http", "login", "grpc", "nginx", "gateway", "store", "memory", "flood"}

// options are the command line.
type options struct {
	plan                      plan
	binary, out, readme, only string
	eas, attack               string
}

func main() {
	var o options
	quick := flag.Bool("short", false,
		"a quick look: one round of one second, a small store; prints the page and writes no file")
	flag.StringVar(&o.binary, "easgate", "bin/easgate", "the `binary` to measure")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "the `file` to write; - is standard output")
	flag.StringVar(&o.readme, "readme", "README.md",
		"the `file` whose block between <!-- bench --> and <!-- /bench --> to replace; - is none")
	flag.StringVar(&o.only, "only", "",
		"measure one `part` ("+strings.Join(parts, ", ")+"); prints the page and writes no file")
	flag.StringVar(&o.eas, "eas", "",
		"the `URL` of a running external-auth-server to measure too, such as http://127.0.0.1:8080")
	flag.StringVar(&o.attack, "attack", "", "the one `kind` of attack for -only flood: password, forward, cookies, "+
		"dribble, unfinished, mad-proxy, idle, jsonata, jq, jp")
	flag.Parse()
	o.plan = full
	if *quick {
		o.plan = short
	}
	if *quick || o.only != "" {
		o.out, o.readme = "-", "-"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // everything that was started has been stopped by run
	}
}

// run measures and writes. A part that cannot be measured is an error, and the page says so; the others are still
// measured. README.md is changed only when nothing is missing.
func run(ctx context.Context, o options) error {
	if o.only != "" && !slices.Contains(parts, o.only) {
		return fmt.Errorf("-only %s: want one of %s", o.only, strings.Join(parts, ", "))
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is missing: apt-get install wrk")
	}
	binary, err := filepath.Abs(o.binary)
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
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	b, err := newBench(limited, o, dir, binary)
	if err != nil {
		return err
	}
	defer b.close()

	r := report{machine: describeMachine(limited, binary, b.pins), plan: o.plan, eas: o.eas != ""}
	err = b.measureAll(limited, o.only, &r)
	if ctx.Err() != nil {
		return ctx.Err() // interrupted: what was written last time is worth more
	}
	r.took = time.Since(began)
	return errors.Join(err, write(o, &r, err == nil), r.missed)
}

// measureAll fills r, and returns what could not be measured.
func (b *bench) measureAll(ctx context.Context, only string, r *report) error {
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"http", func() (err error) { r.rows, err = b.compareAll(ctx); return }},
		{"grpc", func() (err error) {
			row, err := b.grpc(ctx)
			r.rows = append(r.rows, row)
			return err
		}},
		{"nginx", func() (err error) {
			row, err := b.nginx(ctx)
			r.rows = append(r.rows, row)
			return err
		}},
		{"gateway", func() (err error) {
			row, err := b.gateway(ctx)
			r.rows = append(r.rows, row)
			return err
		}},
		{"login", func() error {
			rows, err := b.logins(ctx)
			r.rows = append(r.rows, rows...)
			return err
		}},
		{"store", func() (err error) { r.store, err = b.manyTokens(ctx); return }},
		{"memory", func() (err error) { r.memory, err = b.memory(ctx); return }},
		{"flood", func() error {
			rows, rss, err := b.flood(ctx, b.plan.flood)
			if err != nil {
				return err
			}
			r.flood, r.missed = floodReport(rows, rss, b.plan.flood)
			return nil
		}},
	} {
		if only != "" && only != part.name || only == "" && part.name == "flood" { // which has a target of its own
			continue
		}
		err := ctx.Err()
		if err == nil {
			err = part.measure()
		}
		if err != nil {
			r.missing = append(r.missing, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	return errors.Join(r.missing...)
}

func write(o options, r *report, complete bool) error {
	page := r.page()
	fmt.Print(page)
	if o.out != "-" {
		if err := os.WriteFile(o.out, []byte(page), 0o644); err != nil {
			return err
		}
	}
	if o.readme == "-" || !complete {
		return nil
	}
	text, err := os.ReadFile(o.readme)
	if err != nil {
		return err
	}
	changed, err := replaceBlock(string(text), r.summary())
	if err != nil {
		return fmt.Errorf("%s: %w", o.readme, err)
	}
	return os.WriteFile(o.readme, []byte(changed), 0o644)
}
