package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

func newConfig(c *cli) *cobra.Command {
	return group(&cobra.Command{
		Use:   "config",
		Short: "Check and show the configuration",
	}, newConfigCheck(c), newConfigShow(c))
}

func newConfigCheck(c *cli) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration, all of it at once",
		Long: `Reads the configuration as serve would, with its keys and stores, and reports every problem with its place and what
to do. It does not listen and asks no store for anything. Exit code 1 when serve would refuse to start.`,
		Example: `  easgate config check --config easgate.yaml`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, warnings, err := c.load()
			if err == nil {
				err = c.checkParts(cfg)
			}
			if asJSON {
				return c.checkJSON(warnings, err)
			}
			for _, w := range warnings {
				c.warn(w.Error(), w.Hint)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.out, "the configuration is good")
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags(), c.given)
	return cmd
}

type reported struct {
	Level  string `json:"level"`
	Source string `json:"source,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

func (c *cli) checkJSON(warnings config.Problems, err error) error {
	list := []reported{}
	for _, w := range warnings {
		list = append(list, reported{"warning", w.Source, w.Err.Error(), w.Hint})
	}
	for _, p := range config.Report(err) {
		list = append(list, reported{"error", p.Source, p.Err.Error(), p.Hint})
	}
	if printErr := c.printJSON(list); printErr != nil {
		return printErr
	}
	return err
}

func newConfigShow(c *cli) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the settings in force and where each came from, without secrets",
		Long:  "Prints every setting as a configuration file. What is at its default is commented out; secrets are not shown.",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := c.load()
			if asJSON {
				return errors.Join(c.printJSON(cfg.Entries()), err)
			}
			if printErr := cfg.WriteYAML(c.out); printErr != nil {
				return printErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags(), c.given)
	return cmd
}
