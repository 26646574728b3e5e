package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// A storeRow is what it costs that many tokens are in use.
type storeRow struct {
	inUse     int
	perSecond float64
	p99       time.Duration
	// cost and work are the time and the processor time per request, as multiples of the first row's.
	cost, work float64
	cpu        time.Duration // per request
	rss        int64
}

// manyTokens fills the store, starts three servers that are asked for one of its tokens, for a hundredth and for all of
// them in turn, and measures them in turns.
func (b *bench) manyTokens(ctx context.Context) ([]storeRow, error) {
	n := b.plan.storeTokens
	sealed, err := b.sealMany(ctx, n)
	if err != nil {
		return nil, err
	}
	if err := b.store.fill(ctx, sealed); err != nil {
		return nil, err
	}
	rows := []storeRow{{inUse: 1}, {inUse: n / 100}, {inUse: n}}
	servers := make([]*process, len(rows))
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	loads := make([]load, len(rows))
	samples := make([][]sample, len(rows))
	for i, r := range rows {
		loads[i] = stored(r.inUse)
		if servers[i], err = b.startEasgate(ctx); err != nil {
			return nil, err
		}
		if err := b.warm(ctx, servers[i], loads[i]); err != nil {
			return nil, err
		}
	}
	for range b.plan.rounds {
		for i := range rows {
			s, err := b.measure(ctx, servers[i], loads[i])
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	for i := range rows {
		if err := rows[i].fill(samples[i], samples[0], servers[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// sealMany seals n tokens that differ, so that no two of them are one pipeline, on all processors: each compresses,
// which takes a quarter of a millisecond.
func (b *bench) sealMany(ctx context.Context, n int) ([]string, error) {
	sealed := make([]string, n)
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() (err error) {
			for i := w; i < n && err == nil; i += workers {
				if err = ctx.Err(); err != nil {
					break
				}
				sealed[i], err = b.seal(plugin(map[string]any{"type": "request_header",
					"headers": map[string]any{"X-Api-Key": fmt.Sprintf("k-%d", i), "X-Forwarded-Proto": "https"}}))
			}
			return err
		})
	}
	return sealed, g.Wait()
}

// stored is the load that asks for the first n tokens of the store in turn.
func stored(n int) load {
	l := verify("config_token_store_id="+storeID+"&config_token_id="+hole, nil)
	for i := range n {
		l.fills = append(l.fills, tokenID(i))
	}
	return l
}

// warm asks for everything in l at least once.
func (b *bench) warm(ctx context.Context, server *process, l load) error {
	if err := server.ready(l); err != nil {
		return err
	}
	for len(l.fills) > 0 {
		s, err := b.wrk(ctx, "http://"+server.addr, l)
		if err != nil {
			return err
		}
		l.fills = l.fills[min(s.requests, len(l.fills)):]
	}
	return nil
}

func (r *storeRow) fill(ours, first []sample, server *process) (err error) {
	var compared row
	compared.fill(ours, first)
	m := compared.ours
	r.perSecond, r.p99, r.cpu, r.cost, r.work = m.perSecond, m.p99, m.cpu, 1/compared.speed, compared.cost
	r.rss, err = server.rss()
	fmt.Fprintf(os.Stderr, "%-50s %7.0f/s %.2f×  p99 %v  cpu %v %.2f×  %s\n",
		fmt.Sprintf("%d tokens in use", r.inUse), r.perSecond, r.cost, r.p99, micro(r.cpu), r.work, mb(r.rss))
	return err
}
