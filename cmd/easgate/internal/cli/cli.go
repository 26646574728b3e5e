package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
	"github.com/easgate/easgate/internal/pipeline"
)

// A CLI is one run of the command: all that it reads from and writes to.
type CLI struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	Env []string
	Now func() time.Time

	// ConfigFile is the --config flag, set while a command line is parsed.
	ConfigFile string
	// Given are the flags of settings, by the setting's name.
	Given map[string]string
}

// A Compiler makes what compiles and checks config tokens under a configuration. done gives back what it holds.
type Compiler func(*config.Config) (c *pipeline.Compiler, done func())

// The exit codes, for scripts.
const (
	ExitFailure = 1
	// ExitUsage is a command line that makes no sense.
	ExitUsage = 2
	// ExitNo says that the command worked and its answer is no: denied, not in force, lint has something to say.
	ExitNo = 3
	// ExitSilent says that the other side did not answer, so that there is nothing to say.
	ExitSilent = 4
)

// ErrNo ends a command with [ExitNo] and no further message: what it printed is the answer.
var ErrNo = errors.New("the answer is no")

// A SilentError is that of a command whose other side did not answer.
type SilentError struct{ error }

// Silent returns err as a SilentError.
func Silent(err error) error { return SilentError{err} }

func (e SilentError) Unwrap() error { return e.error }

// A usageError is the caller's command line, not what it asked for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage returns an error of the caller's command line.
func Usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run executes one command line of root and returns the exit code.
func (c *CLI) Run(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, ErrNo) {
		return ExitNo
	}
	return c.report(cmd, err)
}

// report prints err as error: and hint: lines.
func (c *CLI) report(cmd *cobra.Command, err error) int {
	var u usageError
	if errors.As(err, &u) {
		c.Complain("error", err.Error(), cmd.CommandPath()+" --help shows how it is used")
		return ExitUsage
	}
	for _, p := range config.Report(err) {
		c.Complain("error", p.Error(), p.Hint)
	}
	if errors.As(err, new(SilentError)) {
		return ExitSilent
	}
	return ExitFailure
}

// Complain prints a message of that kind, and what to do about it.
func (c *CLI) Complain(kind, text, hint string) {
	fmt.Fprintf(c.Err, "%s: %s\n", kind, text)
	if hint != "" {
		fmt.Fprintf(c.Err, "hint: %s\n", hint)
	}
}

// Warn prints a warning, and what to do about it.
func (c *CLI) Warn(text, hint string) { c.Complain("warning", text, hint) }

// Log returns a logger to the standard error, as the configuration wants it.
func (c *CLI) Log(cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(c.Err, o))
	}
	return slog.New(slog.NewJSONHandler(c.Err, o))
}

// Settings adds the flags of the named settings to cmd, of all settings without names.
func (c *CLI) Settings(cmd *cobra.Command, names ...string) {
	if c.Given == nil {
		c.Given = map[string]string{}
	}
	config.AddFlags(cmd.Flags(), c.Given, names...)
}

// Load reads the configuration that the flags, the environment and the file make.
func (c *CLI) Load() (*config.Config, config.Problems, error) {
	return config.Load(config.Sources{File: c.ConfigFile, Env: c.Env, Flags: c.Given})
}

// LoadKeyless is Load for commands that open no config token.
func (c *CLI) LoadKeyless() (*config.Config, config.Problems, error) {
	return config.Load(config.Sources{File: c.ConfigFile, Env: c.Env, Flags: c.Given, KeysOptional: true})
}

// PrintJSON writes v for a script, indented for a person who looks at it.
func (c *CLI) PrintJSON(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// WriteLine writes v as JSON in one line.
func WriteLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Table prints rows under a head, in columns; cells are separated by tabs.
func (c *CLI) Table(head string, rows int, row func(int) string) error {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for i := range rows {
		fmt.Fprintln(w, row(i))
	}
	return w.Flush()
}

// Input reads the file called name, "-" or "" for the standard input.
func (c *CLI) Input(name string) ([]byte, error) {
	const limit = 4 << 20
	r := c.In
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

// WriteNew writes text to a file that does not exist yet, or to the standard output if path is "".
func (c *CLI) WriteNew(path string, text []byte) error {
	if path == "" {
		_, err := c.Out.Write(text)
		return err
	}
	return files.Create(path, text)
}
