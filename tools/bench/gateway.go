package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// gateway compares easgate as the gateway with nginx that asks easgate, before the same application, which has the
// load's processor: it stands for another machine.
func (b *bench) gateway(ctx context.Context) (row, error) {
	r := row{name: "easgate as the gateway, beside nginx → easgate over a unix socket, before the same application " +
		"(CPU: theirs is nginx's)", atLeast: 1.3}
	r.missing = b.compareGateway(ctx, &r)
	r.print()
	return r, r.missing
}

func (b *bench) compareGateway(ctx context.Context, r *row) error {
	eas, err := noop()
	if err != nil {
		return err
	}
	sealed, err := b.seal(eas)
	if err != nil {
		return err
	}
	program, err := build(ctx, b.dir, "echo")
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	app, err := start(ctx, b.dir, addr, nil, append(slices.Clone(b.pins.client), program, addr))
	if err != nil {
		return err
	}
	defer app.stop()
	socket := b.dir + "/gateway.sock"
	service, err := b.startEasgate(ctx, "EAS_ADDR=unix:"+socket)
	if err != nil {
		return err
	}
	defer service.stop()
	theirs, err := b.startNginx(ctx, "nginx-gateway", "unix:"+socket, tokenParameter(sealed),
		"proxy_pass http://application;", addr)
	if err != nil {
		return err
	}
	defer theirs.stop()
	mounts, err := json.Marshal([]map[string]any{{"path": "/", "config_token": sealed,
		"upstream": map[string]any{"url": "http://" + addr}}})
	if err != nil {
		return err
	}
	ours, err := b.startCommand(ctx, "gateway", "EAS_ADDR=127.0.0.1", "EAS_MOUNTS="+string(mounts))
	if err != nil {
		return err
	}
	defer ours.stop()
	return b.measurePair(ctx, r, load{path: "/verify"}, ours, theirs) // the echo handler has no other path
}

// measurePair measures two servers in turns, with the same load.
func (b *bench) measurePair(ctx context.Context, r *row, l load, ours, theirs *process) error {
	r.bytes = len(l.text())
	var with, bare []sample
	for _, p := range []*process{ours, theirs} {
		if err := p.ready(l); err != nil {
			return err
		}
	}
	for range b.plan.rounds {
		t, err := b.measure(ctx, theirs, l)
		if err != nil {
			return fmt.Errorf("the yardstick: %w", err)
		}
		o, err := b.measure(ctx, ours, l)
		if err != nil {
			return err
		}
		bare, with = append(bare, t), append(with, o)
	}
	r.fill(with, bare)
	return nil
}
