package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

// docs/cli.md is made from the commands themselves: run the test with -update.
func TestReference(t *testing.T) {
	const path, begin, end = "../../docs/cli.md", "<!-- commands -->\n", "<!-- /commands -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s: no %s", path, begin)
	}
	var b strings.Builder
	describe(&b, newRoot(testCLI()))
	want := b.String() + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("%s is not what the commands say: run go test ./cmd/easgate -run TestReference -update", path)
	}
}

func testCLI() *cli.CLI {
	return &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Now: time.Now}
}

func describe(b *strings.Builder, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if sub.HasSubCommands() {
			fmt.Fprintf(b, "\n## %s\n\n%s\n", sub.CommandPath(), paragraph(sub))
			describe(b, sub)
			continue
		}
		level := "##"
		if cmd.HasParent() {
			level = "###"
		}
		fmt.Fprintf(b, "\n%s %s\n\n%s\n\n```\n%s\n", level, sub.CommandPath(), paragraph(sub), sub.UseLine())
		flags, settings := ownFlags(sub)
		if flags.HasFlags() {
			fmt.Fprintf(b, "\n%s", flags.FlagUsagesWrapped(100))
		}
		if settings {
			b.WriteString("\nand a flag for every setting of docs/configuration.md\n")
		}
		if sub.Example != "" {
			fmt.Fprintf(b, "\nexamples:\n%s\n", sub.Example)
		}
		b.WriteString("```\n")
	}
}

// ownFlags leaves out the settings where a command takes all of them: docs/configuration.md lists those.
func ownFlags(cmd *cobra.Command) (own *pflag.FlagSet, all bool) {
	own = pflag.NewFlagSet("", pflag.ContinueOnError)
	settings := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(settings, map[string]string{})
	all = cmd.Flags().Lookup("verify-timeout") != nil
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !all || settings.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	})
	return own, all
}

func paragraph(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return strings.ReplaceAll(cmd.Long, "\n  ", "\n      ")
	}
	return cmd.Short + "."
}

// Every command says what it does in a line that starts with a verb and needs no period, and every flag is explained.
func TestHelp(t *testing.T) {
	verb := regexp.MustCompile(`^[A-Z][a-z]+,? .*[^.]$`)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !verb.MatchString(cmd.Short) {
			t.Errorf("%s: short help %q", cmd.CommandPath(), cmd.Short)
		}
		for _, line := range strings.Split(cmd.Long, "\n") {
			if len([]rune(line)) > 120 {
				t.Errorf("%s: a line of %d characters in the help", cmd.CommandPath(), len(line))
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(testCLI()))
}
