package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// A memoryRow is what a fresh server needs.
type memoryRow struct {
	start       time.Duration // from its start to the first 200 on /verify
	idle, after int64         // resident bytes before and after the plan's soak
}

func (b *bench) memory(ctx context.Context) (memoryRow, error) {
	_, l, err := scenario{token: noop}.load(b)
	if err != nil {
		return memoryRow{}, err
	}
	var m memoryRow
	var starts []time.Duration
	for i := range b.plan.starts {
		server, err := b.startEasgate(ctx)
		if err != nil {
			return memoryRow{}, err
		}
		took, err := server.firstAnswer(l)
		if err == nil && i == b.plan.starts-1 {
			m.idle, m.after, err = b.soak(ctx, server, l)
		}
		server.stop()
		if err != nil {
			return memoryRow{}, err
		}
		starts = append(starts, took)
	}
	m.start = median(starts, func(d time.Duration) time.Duration { return d })
	fmt.Fprintf(os.Stderr, "start %v, idle %s, after %d requests %s\n", m.start, mb(m.idle), b.plan.soak, mb(m.after))
	return m, nil
}

func (b *bench) soak(ctx context.Context, server *process, l load) (idle, after int64, err error) {
	if idle, err = server.rss(); err != nil {
		return 0, 0, err
	}
	for sent := 0; sent < b.plan.soak; {
		s, err := b.wrk(ctx, "http://"+server.addr, l)
		if err != nil {
			return 0, 0, err
		}
		sent += s.requests
	}
	after, err = server.rss()
	return idle, after, err
}
