// Command easgate answers reverse proxies: may this request pass, and as whom? Without arguments it serves.
// See docs/cli.md, or easgate help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ(), now: time.Now}
	// A second signal while the first is being obeyed ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(c.run(ctx, os.Args[1:]))
}
