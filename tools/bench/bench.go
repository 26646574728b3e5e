package main

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/easgate/easgate/configtoken"
)

// pins are the words before a command that keep it on processors of its own: the last one is the generator's, the
// others are the server's, of which it makes as many GOMAXPROCS. Both are empty where that cannot be.
type pins struct{ server, client []string }

func newPins() pins {
	n := runtime.NumCPU()
	if _, err := exec.LookPath("taskset"); err != nil || n < 2 {
		return pins{}
	}
	others := "0"
	if n > 2 {
		others += "-" + strconv.Itoa(n-2)
	}
	return pins{
		server: []string{"taskset", "-c", others},
		client: []string{"taskset", "-c", strconv.Itoa(n - 1)},
	}
}

// A bench holds the two servers, the directory, the store and the keys.
type bench struct {
	plan      plan
	attack    string // of flood; empty is all of them
	dir       string
	binary    string
	pins      pins
	sealer    configtoken.Sealer
	store     *store
	directory *directory
	eas       *rival // nil without
	env       []string
	echo      *process
	easgate   *process
}

func newBench(ctx context.Context, o options, dir, binary string) (_ *bench, err error) {
	b := &bench{plan: o.plan, attack: o.attack, dir: dir, binary: binary, pins: newPins()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if o.eas != "" {
		if b.eas, err = newRival(o.eas); err != nil {
			return nil, err
		}
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, err
	}
	if b.sealer, err = ring.Sealer(); err != nil {
		return nil, err
	}
	keys := filepath.Join(dir, "keyring.json")
	if err := os.WriteFile(keys, ring.JWKSet(), 0o600); err != nil {
		return nil, err
	}
	if b.store, err = newStore(filepath.Join(dir, "store.db")); err != nil {
		return nil, err
	}
	if b.directory, err = newDirectory(); err != nil {
		return nil, err
	}
	b.env = []string{"EAS_KEYRING_FILE=" + keys, "EAS_CONFIG_TOKEN_STORES=" + b.store.config(), "EAS_ADMIN_ADDR=off"}
	if b.echo, err = b.startYardstick(ctx, "echo"); err != nil {
		return nil, err
	}
	if err := b.echo.ready(verify("x", nil)); err != nil {
		return nil, err
	}
	if b.easgate, err = b.startEasgate(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// close ends everything that was started.
func (b *bench) close() {
	b.easgate.stop()
	b.echo.stop()
	if b.directory != nil {
		_ = b.directory.Close() // nobody asks it any more
	}
	if b.store != nil {
		_ = b.store.db.Close() // the file goes away with its folder
	}
}

// startYardstick builds and starts one of the bare servers beside this file, built as easgate was.
func (b *bench) startYardstick(ctx context.Context, name string) (*process, error) {
	program, err := build(ctx, b.dir, name)
	if err != nil {
		return nil, err
	}
	if err := sameBuild(b.binary, program); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return start(ctx, b.dir, addr, nil, append(slices.Clone(b.pins.server), program, addr))
}

// startEasgate starts easgate serve with env besides what all of them have. It does not wait for it.
func (b *bench) startEasgate(ctx context.Context, env ...string) (*process, error) {
	return b.startCommand(ctx, "serve", env...)
}

// startCommand starts a command of easgate with env besides what all of them have. It does not wait for it.
func (b *bench) startCommand(ctx context.Context, command string, env ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	env = append(env, b.env...)
	return start(ctx, b.dir, addr, append(env, "EAS_PORT="+port), append(slices.Clone(b.pins.server), b.binary, command))
}

// median of an odd number of values.
func median[T any, V cmp.Ordered](of []T, value func(T) V) V {
	vs := make([]V, len(of))
	for i := range of {
		vs[i] = value(of[i])
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}
