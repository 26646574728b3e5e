package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// A row compares easgate with a yardstick, and with external-auth-server where it is there. Samples are medians; ratios
// are medians of each round's own ratio, which a machine that is slow for a while hardly touches.
type row struct {
	name    string
	atLeast float64
	// missing is why the row was not measured, easMissing why external-auth-server was not.
	missing, easMissing error

	ours, echo, eas      sample
	speed, latency, cost float64 // requests per second, p99 and processor time: easgate's as a multiple of the yardstick's
	bytes                int     // of one request
	refused              int     // of easgate's answers, which should all have been allows
}

// compareAll measures every scenario. The error joins those of the rows that are missing.
func (b *bench) compareAll(ctx context.Context) ([]row, error) {
	var rows []row
	var errs []error
	for _, s := range scenarios(b.directory.url()) {
		r := row{name: s.name, atLeast: s.atLeast}
		err := ctx.Err()
		if err == nil {
			err = b.compare(ctx, s, &r)
		}
		if err != nil {
			r.missing = err
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
		r.print()
		rows = append(rows, r)
	}
	return rows, errors.Join(errs...)
}

// compare measures s, the echo handler and external-auth-server in turns.
func (b *bench) compare(ctx context.Context, s scenario, r *row) error {
	eas, l, err := s.load(b)
	if err != nil {
		return err
	}
	r.bytes = len(l.text())
	if len(l.fills) > 0 {
		r.bytes += len(l.fills[0]) - len(hole)
	}
	if err := b.easgate.ready(l); err != nil {
		return err
	}
	rival := b.eas
	if rival != nil {
		if r.easMissing = rival.prepare(s, eas, l); r.easMissing != nil {
			rival = nil
		}
	}
	var ours, echo, theirs []sample
	for range b.plan.rounds {
		e, err := b.measure(ctx, b.echo, l)
		if err != nil {
			return fmt.Errorf("echo: %w", err)
		}
		o, err := b.measure(ctx, b.easgate, l)
		if err != nil {
			return err
		}
		echo, ours = append(echo, e), append(ours, o)
		if rival == nil {
			continue
		}
		t, err := b.wrk(ctx, rival.base, rival.load)
		if err != nil {
			r.easMissing, rival = err, nil
			continue
		}
		theirs = append(theirs, t)
	}
	r.fill(ours, echo)
	if rival != nil {
		r.eas = middle(theirs)
	}
	return nil
}

// fill computes r of as many samples of each.
func (r *row) fill(ours, echo []sample) {
	r.ours, r.echo = middle(ours), middle(echo)
	for _, s := range ours {
		r.refused += s.refused
	}
	ratio := func(of func(sample) float64) float64 {
		each := make([]float64, len(ours))
		for i := range ours {
			each[i] = of(ours[i]) / of(echo[i])
		}
		return median(each, func(f float64) float64 { return f })
	}
	r.speed = ratio(func(s sample) float64 { return s.perSecond })
	r.latency = ratio(func(s sample) float64 { return float64(s.p99) })
	r.cost = ratio(func(s sample) float64 { return float64(s.cpu) })
}

// middle is the median of each value by itself.
func middle(of []sample) sample {
	return sample{
		perSecond: median(of, func(s sample) float64 { return s.perSecond }),
		p99:       median(of, func(s sample) time.Duration { return s.p99 }),
		requests:  median(of, func(s sample) int { return s.requests }),
		cpu:       median(of, func(s sample) time.Duration { return s.cpu }),
	}
}

// print shows how far the run has come.
func (r *row) print() {
	if r.missing != nil {
		fmt.Fprintf(os.Stderr, "%-50s not measured: %v\n", r.name, r.missing)
		return
	}
	fmt.Fprintf(os.Stderr, "%-50s %7.0f/s %.2f (≥ %.2f)  p99 %v %.1f  cpu %v %.2f\n",
		r.name, r.ours.perSecond, r.speed, r.atLeast, micro(r.ours.p99), r.latency, micro(r.ours.cpu), r.cost)
	if r.refused > 0 {
		fmt.Fprintf(os.Stderr, "    %d requests were not allowed\n", r.refused)
	}
	switch {
	case r.easMissing != nil:
		fmt.Fprintf(os.Stderr, "%-50s not measured: %v\n", "    external-auth-server", r.easMissing)
	case r.eas.requests > 0:
		fmt.Fprintf(os.Stderr, "%-50s %7.0f/s       p99 %v\n", "    external-auth-server", r.eas.perSecond, r.eas.p99)
	}
}

// micro rounds to a tenth of a microsecond, which is finer than anything here is exact.
func micro(d time.Duration) time.Duration { return d.Round(100 * time.Nanosecond) }
