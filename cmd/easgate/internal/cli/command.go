package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// Root makes the command that holds all others. Without one of them it serves.
func (c *CLI) Root(serve *cobra.Command, others ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:   "easgate",
		Short: "An authentication service for reverse proxies",
		Long: `easgate answers one question for a reverse proxy: may this request pass, and as whom?
Without a command it serves, as "easgate serve" does.

Exit codes: 0 done; 1 failed; 2 the command line makes no sense; 3 the command worked
and the answer is no (denied, not in force, something to say); 4 the other side did not answer (shadow).`,
		Example: `  easgate demo                                   # look at all of it at once
  easgate keys new --out keyring.json            # the keys of config tokens
  easgate token seal token.yaml --keyring-file keyring.json
  easgate serve --keyring-file keyring.json`,
		Args:              NoArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&c.ConfigFile, "config", "", "configuration `file` in YAML (EAS_CONFIG_FILE)")
	root.RunE = serve.RunE
	root.AddCommand(serve)
	root.AddCommand(others...)
	return root
}

// NoArgs is cobra.NoArgs as a usage error, with the command that was probably meant.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if s := cmd.SuggestionsFor(args[0]); cmd.HasSubCommands() && len(s) > 0 {
		return Usage("unknown command %q; did you mean %s?", args[0], s[0])
	}
	if cmd.HasSubCommands() {
		return Usage("unknown command %q", args[0])
	}
	return Usage("%q is one argument too many", args[0])
}

// Args wants between least and most arguments, named in the message.
func Args(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return Usage("want %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

// Group makes a command that only holds others.
func Group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var names []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return Usage("want one of the commands %s", strings.Join(names, ", "))
	}
	cmd.AddCommand(commands...)
	return cmd
}
