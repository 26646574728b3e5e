// Package session is the command session: looks at the logins of browsers, ends them, and seals them again.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/sessions"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/session"
)

// New makes the command session.
func New(c *cli.CLI) *cobra.Command {
	return cli.Group(&cobra.Command{
		Use:   "session",
		Short: "Look at the logins of browsers, and end them",
		Long: `Works on the store of sessions that EAS_STORE_OPTS names, with the secrets that seal them: it needs the
configuration of the running easgate. What is kept in memory ends with that process, and no other sees it.`,
	}, newList(c), newRevoke(c), newReseal(c))
}

// onSessions is what a command does with the open store and the keys.
type onSessions func(ctx context.Context, s session.Lister, ring *seal.Ring) error

func sessionCommand(c *cli.CLI, cmd *cobra.Command, run onSessions) *cobra.Command {
	cmd.Args = cli.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, _, err := c.LoadKeyless()
		if err != nil {
			return err
		}
		keyring := new(configtoken.Keyring)
		if slices.Contains(cfg.TokenFormats, "native") && (cfg.Keyring != "" || cfg.KeyringFile != "") {
			if keyring, err = tokens.Keyring(cfg); err != nil {
				return err
			}
		}
		ring, err := sessions.Ring(cfg, keyring, c.Now)
		if err != nil {
			return err
		}
		s, kind, err := sessions.Open(cfg, slog.New(slog.DiscardHandler), c.Now)
		if err != nil {
			return err
		}
		defer s.Close()
		lister, ok := s.(session.Lister)
		if !ok {
			return problem.Hint(fmt.Errorf("sessions are kept in %s, each easgate its own", kind),
				"EAS_STORE_OPTS names a store that outlives it: docs/sessions.md")
		}
		return run(cmd.Context(), lister, ring)
	}
	c.Settings(cmd, "keyring_file", "store_opts")
	return cmd
}

// whose are the flags that say whose sessions are meant.
func whose(cmd *cobra.Command, n *session.Names) *cobra.Command {
	cmd.Flags().StringVar(&n.Subject, "subject", "", "whose sessions: the subject (sub) as their provider `name`s them")
	cmd.Flags().StringVar(&n.Provider, "provider", "",
		"the provider's issuer `URL`; without it, any provider's subject of that name")
	return cmd
}

// A listed session is what list prints of one.
type listed struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

func newList(c *cli.CLI) *cobra.Command {
	var n session.Names
	var asJSON bool
	cmd := whose(sessionCommand(c, &cobra.Command{
		Use:   "list",
		Short: "List sessions",
		Long: `Lists the sessions of a subject, or all of them: the start of the hash under which each is kept, the
provider, when the login was and when the session ends. A session that no key here opens has no provider.`,
		Example: `  easgate session list --config easgate.yaml
  easgate session list --subject 248289761001 --provider https://login.example.com`,
	}, func(ctx context.Context, s session.Lister, ring *seal.Ring) error {
		all, err := list(ctx, s, ring, n)
		if err != nil {
			return err
		}
		if asJSON {
			return c.PrintJSON(all)
		}
		return c.Table("ID\tPROVIDER\tCREATED\tEXPIRES", len(all), func(i int) string {
			l := all[i]
			return strings.Join([]string{
				l.ID, l.Provider, l.Created.Format(time.RFC3339), l.Expires.Format(time.RFC3339),
			}, "\t")
		})
	}), &n)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// list returns the sessions that n names, all of them if it names nobody, the oldest first.
func list(ctx context.Context, s session.Lister, ring *seal.Ring, n session.Names) ([]listed, error) {
	if n.Provider != "" && n.Subject == "" {
		return nil, cli.Usage("--provider goes with --subject")
	}
	matches := []session.Match{{}}
	if n.Subject != "" {
		index, err := ring.Index()
		if err != nil {
			return nil, err
		}
		matches = session.Matches(index, n)
	}
	all := []listed{}
	for _, m := range matches {
		for r, err := range s.All(ctx, m) {
			if err != nil {
				return nil, err
			}
			names, _ := session.NamesOf(r, ring) // none, if it does not open
			all = append(all, listed{r.ID.String(), names.Provider, r.Created.UTC(), r.Expires.UTC()})
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return a.Created.Compare(b.Created) })
	return all, nil
}

func newRevoke(c *cli.CLI) *cobra.Command {
	var n session.Names
	return whose(sessionCommand(c, &cobra.Command{
		Use:   "revoke",
		Short: "End all sessions of a subject",
		Long: `Ends the sessions of a subject on every easgate that shares the store, at once; where a replica
answers from a local cache, as soon as it hears of it, and within a second. The login at the provider goes on: it
decides whether the subject gets in again.`,
		Example: `  easgate session revoke --subject 248289761001 --provider https://login.example.com`,
	}, func(ctx context.Context, s session.Lister, ring *seal.Ring) error {
		if n.Subject == "" {
			return cli.Usage("want --subject")
		}
		index, err := ring.Index()
		if err != nil {
			return err
		}
		ended, err := session.End(ctx, s, index, n)
		if err != nil {
			return fmt.Errorf("%d sessions are ended, and then: %w", ended, err)
		}
		_, err = fmt.Fprintf(c.Err, "%d sessions are ended\n", ended)
		return err
	}), &n)
}

func newReseal(c *cli.CLI) *cobra.Command {
	return sessionCommand(c, &cobra.Command{
		Use:   "reseal",
		Short: "Seal all sessions again with the newest key",
		Long: `Seals every session with the newest secret or key, so that older ones can be taken out of the
configuration. easgate may run meanwhile: it needs the newest key by then. What no key opens is counted and left;
it expires.`,
		Example: `  easgate session reseal --config easgate.yaml`,
	}, func(ctx context.Context, s session.Lister, ring *seal.Ring) error {
		done, err := session.Reseal(ctx, s, ring)
		_, printErr := fmt.Fprintf(c.Err, "%d sessions are sealed again, %d had the newest key, %d open with none\n",
			done.Sealed, done.Current, done.Lost)
		return errors.Join(err, printErr)
	})
}
