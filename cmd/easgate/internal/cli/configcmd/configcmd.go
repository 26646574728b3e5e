package configcmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/problem"
)

// A Service is all that serve consists of.
type Service interface {
	// Check says what is wrong with the stores.
	Check() []error
	Close()
}

// A Build puts the service together that cfg describes.
type Build func(cfg *config.Config) (Service, error)

// New makes the command config. build makes everything that serve would.
func New(c *cli.CLI, build Build) *cobra.Command {
	return cli.Group(&cobra.Command{
		Use:   "config",
		Short: "Check and show the configuration",
	}, newCheck(c, build), newShow(c))
}

func newCheck(c *cli.CLI, build Build) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration, all of it at once",
		Long: `Reads the configuration as serve would, with its keys and stores, and reports every problem with its place
and what to do. It does not listen and asks no store for anything. Exit code 1 when serve would refuse to
start.`,
		Example: `  easgate config check --config easgate.yaml`,
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, warnings, err := c.Load()
			if err == nil {
				err = checkParts(cfg, build)
			}
			if asJSON {
				return checkJSON(c, warnings, err)
			}
			for _, w := range warnings {
				c.Warn(w.Error(), w.Hint)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.Out, "the configuration is good")
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Settings(cmd)
	return cmd
}

type reported struct {
	Level  string `json:"level"`
	Source string `json:"source,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

func checkJSON(c *cli.CLI, warnings config.Problems, err error) error {
	list := []reported{}
	for _, w := range warnings {
		list = append(list, reported{"warning", w.Source, w.Err.Error(), w.Hint})
	}
	for _, p := range config.Report(err) {
		list = append(list, reported{"error", p.Source, p.Err.Error(), p.Hint})
	}
	if printErr := c.PrintJSON(list); printErr != nil {
		return printErr
	}
	return err
}

func newShow(c *cli.CLI) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the settings in force and where each came from, without secrets",
		Long: `Prints every setting as a configuration file. What is at its default is commented out; secrets are not
shown.`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := c.Load()
			if asJSON {
				return errors.Join(c.PrintJSON(cfg.Entries()), err)
			}
			if printErr := cfg.WriteYAML(c.Out); printErr != nil {
				return printErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Settings(cmd)
	return cmd
}

// checkParts builds everything that serve would, and says what is wrong with it.
func checkParts(cfg *config.Config, build Build) error {
	s, err := build(cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	var problems config.Problems
	for _, err := range s.Check() {
		if strings.HasPrefix(err.Error(), "mount ") {
			problems = append(problems, config.Problem{Source: cfg.Origin("mounts"), Err: err})
			continue
		}
		problems = append(problems, storeProblems(cfg, err)...)
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// storeProblems says where the configuration has what err is about, each part of which names a store and an option:
//
//	store "main": options.query: …
func storeProblems(cfg *config.Config, err error) (problems config.Problems) {
	for _, part := range problem.Split(err) {
		p := config.Problem{Source: cfg.Origin("config_token_stores"), Err: part, Hint: problem.HintOf(part)}
		if id, rest, ok := strings.Cut(strings.TrimPrefix(part.Error(), `store "`), `": `); ok {
			option, _, _ := strings.Cut(rest, ":")
			p.Source = cfg.Locate("config_token_stores", append([]string{id}, strings.Split(option, ".")...)...)
		}
		problems = append(problems, p)
	}
	return problems
}
