package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/problem"
)

// A cli is one run of the command: all that it reads from and writes to.
type cli struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env []string
	now func() time.Time

	// configFile and given are the --config flag and the flags of settings, set while a command line is parsed.
	configFile string
	given      map[string]string
}

// The exit codes, for scripts.
const (
	exitFailure = 1
	// exitUsage is a command line that makes no sense.
	exitUsage = 2
	// exitNo says that the command worked and its answer is no: denied, not in force, lint has something to say.
	exitNo = 3
	// exitSilent says that the other side did not answer, so that there is nothing to say.
	exitSilent = 4
)

// errNo ends a command with exitNo and no further message: what it printed is the answer.
var errNo = errors.New("the answer is no")

func hint(err error, format string, args ...any) error { return problem.Hint(err, format, args...) }

// A silentError is that of a command whose other side did not answer.
type silentError struct{ error }

func (e silentError) Unwrap() error { return e.error }

// A usageError is the caller's command line, not what it asked for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run executes one command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	c.given = map[string]string{}
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, errNo) {
		return exitNo
	}
	return c.report(cmd, err)
}

// report prints err as error: and hint: lines.
func (c *cli) report(cmd *cobra.Command, err error) int {
	var u usageError
	if errors.As(err, &u) {
		c.complain("error", err.Error(), cmd.CommandPath()+" --help shows how it is used")
		return exitUsage
	}
	for _, p := range config.Report(err) {
		c.complain("error", p.Error(), p.Hint)
	}
	if errors.As(err, new(silentError)) {
		return exitSilent
	}
	return exitFailure
}

func (c *cli) complain(kind, text, hint string) {
	fmt.Fprintf(c.err, "%s: %s\n", kind, text)
	if hint != "" {
		fmt.Fprintf(c.err, "hint: %s\n", hint)
	}
}

func (c *cli) warn(text, hint string) { c.complain("warning", text, hint) }

// load reads the configuration that the flags, the environment and the file make.
func (c *cli) load() (*config.Config, config.Problems, error) {
	return config.Load(config.Sources{File: c.configFile, Env: c.env, Flags: c.given})
}

// loadKeyless is load for commands that open no config token.
func (c *cli) loadKeyless() (*config.Config, error) {
	cfg, _, err := config.Load(config.Sources{File: c.configFile, Env: c.env, Flags: c.given, KeysOptional: true})
	return cfg, err
}

// printJSON writes v for a script, indented for a person who looks at it.
func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// input reads the file called name, "-" or "" for the standard input.
func (c *cli) input(name string) ([]byte, error) {
	const limit = 4 << 20
	r := c.in
	if name != "" && name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if len(text) > limit {
		return nil, fmt.Errorf("the input is longer than %d MB", limit>>20)
	}
	return text, nil
}
