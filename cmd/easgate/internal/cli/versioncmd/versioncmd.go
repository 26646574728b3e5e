package versioncmd

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

// A build says what this binary is.
type build struct {
	Version string `json:"version"`
	// Commit is the revision that it was built from, and Modified says that the files were not those of the commit;
	// "" when the toolchain did not know.
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	// Engines are the query languages: all of it, or the part that Go evaluates.
	Engines map[string]string `json:"engines"`
}

func thisBuild(version string, engines map[string]bool) build {
	b := build{Version: version, Engines: map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Go = info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	for name, all := range engines {
		b.Engines[name] = "part"
		if all {
			b.Engines[name] = "all"
		}
	}
	return b
}

// New makes the command version. engines are the query languages, and whether all of each is built in.
func New(c *cli.CLI, version string, engines map[string]bool) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what is built in",
		Long: `Prints the version, the commit, the version of Go, and the query languages that are built in. A binary
that was built without npm has only a part of some: what Go evaluates itself.`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild(version, engines)
			if asJSON {
				return c.PrintJSON(b)
			}
			commit := b.Commit
			switch {
			case commit == "":
				commit = "unknown"
			case b.Modified:
				commit += ", modified"
			}
			var names []string
			for _, name := range slices.Sorted(maps.Keys(b.Engines)) {
				if b.Engines[name] == "part" {
					name += " (part)"
				}
				names = append(names, name)
			}
			_, err := fmt.Fprintf(c.Out, "easgate %s\ncommit   %s\ngo       %s\nengines  %s\n",
				b.Version, commit, b.Go, strings.Join(names, ", "))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
