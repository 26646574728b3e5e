package store

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/sqlstore"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/sqldb"
	"github.com/easgate/easgate/stores/sql"
)

// storing are the flags of every store command.
type storing struct {
	by   string
	json bool
}

// New makes the command store.
func New(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	return cli.Group(&cobra.Command{
		Use:   "store",
		Short: "Manage config tokens in a SQL store",
		Long: `STORE is the id of a store in the configuration (EAS_CONFIG_TOKEN_STORES), or a database:
sqlite:tokens.db, postgres://user@host/database, mysql://user@host/database.
Every change leaves an audit row: who, when, what.`,
	}, newInit(c), newPut(c, compiler), newGet(c), newList(c), newRevoke(c), newAudit(c))
}

// onStore is what a command does with an open store and its arguments behind STORE.
type onStore func(ctx context.Context, a *sql.Admin, args []string) error

// storeCommand makes a command that works on an open store.
func storeCommand(c *cli.CLI, cmd *cobra.Command, s *storing, run onStore) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		options, err := storeOptions(c, args[0])
		if err != nil {
			return err
		}
		a, err := sql.NewAdmin(options, c.Now)
		if err != nil {
			return fmt.Errorf("store %s: %w", redactStore(args[0]), err)
		}
		defer a.Close()
		if err := run(cmd.Context(), a, args[1:]); err != nil {
			return explainStore(args[0], err)
		}
		return nil
	}
	c.Settings(cmd, "keyring_file", "config_token_stores")
	if s != nil {
		cmd.Flags().BoolVar(&s.json, "json", false, "print JSON")
	}
	return cmd
}

// byFlag is for commands that leave an audit row.
func (s *storing) byFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&s.by, "by", "", "`name` for the audit; by default the user who runs the command")
	return cmd
}

func (s *storing) who() (string, error) {
	if s.by != "" {
		return s.by, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", problem.Hint(fmt.Errorf("who is asking: %w", err), "--by says it")
	}
	return u.Username, nil
}

func newInit(c *cli.CLI) *cobra.Command {
	return storeCommand(c, &cobra.Command{
		Use:   "init STORE",
		Short: "Make the tables of a store, or bring them up to date",
		Long: `Makes config_tokens and its audit table, and a SQLite file. A table config_tokens that is there already
stays as it is.`,
		Example: `  easgate store init main --config easgate.yaml`,
		Args:    cli.Args(1, 1, "STORE"),
	}, nil, func(ctx context.Context, a *sql.Admin, _ []string) error {
		applied, err := a.Init(ctx)
		if err != nil {
			return err
		}
		text := "up to date"
		if len(applied) > 0 {
			text = "applied " + strings.Join(applied, ", ")
		}
		_, err = fmt.Fprintln(c.Err, text)
		return err
	})
}

func newPut(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	var s storing
	var seal tokens.Sealing
	cmd := storeCommand(c, &cobra.Command{
		Use:   "put STORE ID [FILE]",
		Short: "Put a config token into a store",
		Long: `Reads a sealed config token, or a configuration that it seals first, from FILE or the standard input and
stores it under ID, in place of what is there. It also takes back a revocation.`,
		Example: `  easgate store put main grafana token.yaml
  easgate token seal --jti grafana-2 token.yaml | easgate store put main grafana`,
		Args: cli.Args(2, 3, "STORE, ID and one FILE at most"),
	}, nil, func(ctx context.Context, a *sql.Admin, args []string) error {
		text, err := toStore(c, compiler, args[1:], &seal)
		if err != nil {
			return err
		}
		who, err := s.who()
		if err != nil {
			return err
		}
		return a.Put(ctx, who, args[0], text)
	})
	cmd.Flags().StringVar(&seal.Format, "format", "",
		"seal a configuration as native or eas; by default native where there is a keyring")
	cmd.Flags().BoolVar(&seal.Unchecked, "unchecked", false, "store it even if it does not open or says what is unknown")
	return s.byFlag(cmd)
}

// toStore returns the sealed text to put into a store: what it is given, or what it seals.
func toStore(c *cli.CLI, compiler cli.Compiler, args []string, s *tokens.Sealing) (string, error) {
	claims, sealed, err := tokens.ClaimsOrSealed(c, args)
	if err != nil {
		return "", err
	}
	cfg, _, err := c.Load()
	if err != nil {
		return "", err
	}
	if sealed == "" {
		sealed, _, err = s.Seal(cfg, compiler, claims, c.Now())
		return sealed, err
	}
	if !s.Unchecked {
		_, err = tokens.Open(cfg, sealed)
	}
	return sealed, err
}

func newGet(c *cli.CLI) *cobra.Command {
	var s storing
	return storeCommand(c, &cobra.Command{
		Use:     "get STORE ID",
		Short:   "Print a config token of a store, sealed as it is",
		Long:    "Prints the sealed text. Exit code 3 when there is no such id, or it is revoked.",
		Example: `  easgate store get main grafana | easgate token inspect`,
		Args:    cli.Args(2, 2, "STORE and ID"),
	}, &s, func(ctx context.Context, a *sql.Admin, args []string) error {
		r, err := a.Get(ctx, args[0])
		if errors.Is(err, sql.ErrUnknown) {
			c.Complain("error", err.Error(), "")
			return cli.ErrNo
		}
		if err != nil {
			return err
		}
		if s.json {
			err = c.PrintJSON(storedToken{ID: r.ID, Revoked: r.Revoked, Token: r.Sealed})
		} else {
			_, err = fmt.Fprintln(c.Out, r.Sealed)
		}
		if err == nil && r.Revoked {
			c.Warn(args[0]+" is revoked", "")
			return cli.ErrNo
		}
		return err
	})
}

type storedToken struct {
	ID      string `json:"id"`
	Revoked bool   `json:"revoked"`
	Bytes   int    `json:"bytes,omitempty"`
	Token   string `json:"token,omitempty"`
}

func newList(c *cli.CLI) *cobra.Command {
	var s storing
	var p sql.Page
	cmd := storeCommand(c, &cobra.Command{
		Use:   "list STORE",
		Short: "List the config tokens of a store by id",
		Args:  cli.Args(1, 1, "STORE"),
	}, &s, func(ctx context.Context, a *sql.Admin, _ []string) error {
		records, err := a.List(ctx, p)
		if err != nil {
			return err
		}
		list := make([]storedToken, 0, len(records))
		for _, r := range records {
			list = append(list, storedToken{ID: r.ID, Revoked: r.Revoked, Bytes: len(r.Sealed)})
		}
		if s.json {
			return c.PrintJSON(list)
		}
		return c.Table("ID\tSTATE\tBYTES", len(list), func(i int) string {
			state := "in force"
			if list[i].Revoked {
				state = "revoked"
			}
			return fmt.Sprintf("%s\t%s\t%d", list[i].ID, state, list[i].Bytes)
		})
	})
	cmd.Flags().StringVar(&p.Contains, "contains", "", "only ids with this `text` in them")
	cmd.Flags().StringVar(&p.After, "after", "", "go on behind this `id`")
	cmd.Flags().IntVar(&p.Limit, "limit", 100, "`number` of tokens at most")
	return cmd
}

func newRevoke(c *cli.CLI) *cobra.Command {
	var s storing
	return s.byFlag(storeCommand(c, &cobra.Command{
		Use:   "revoke STORE ID",
		Short: "Revoke a config token in a store",
		Long: `Lookups no longer find the token, after the store's cache_ttl at the latest. Its text is kept, and put takes it
back.`,
		Example: `  easgate store revoke main grafana`,
		Args:    cli.Args(2, 2, "STORE and ID"),
	}, nil, func(ctx context.Context, a *sql.Admin, args []string) error {
		who, err := s.who()
		if err != nil {
			return err
		}
		if err := a.Revoke(ctx, who, args[0]); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.Err, "%s is revoked\n", args[0])
		return err
	}))
}

func newAudit(c *cli.CLI) *cobra.Command {
	var s storing
	var limit int
	cmd := storeCommand(c, &cobra.Command{
		Use:   "audit STORE [ID]",
		Short: "Show who changed what in a store, the latest first",
		Args:  cli.Args(1, 2, "STORE and one ID at most"),
	}, &s, func(ctx context.Context, a *sql.Admin, args []string) error {
		id := ""
		if len(args) > 0 {
			id = args[0]
		}
		changes, err := a.Audit(ctx, id, limit)
		if err != nil {
			return err
		}
		if s.json {
			list := make([]storeChange, 0, len(changes))
			for _, ch := range changes {
				list = append(list, storeChange(ch))
			}
			return c.PrintJSON(list)
		}
		return c.Table("WHEN\tWHO\tWHAT\tID\tSHA-256", len(changes), func(i int) string {
			ch := changes[i]
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%.12s", ch.At.Format(time.RFC3339), ch.Who, ch.What, ch.TokenID, ch.Digest)
		})
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "`number` of changes at most")
	return cmd
}

// storeChange is a row of the audit as JSON has it.
type storeChange struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	What    string    `json:"what"`
	TokenID string    `json:"id"`
	Digest  string    `json:"sha256"`
}

// storeOptions returns the options of the SQL store that name stands for.
func storeOptions(c *cli.CLI, name string) (sql.Config, error) {
	cfg, _, err := c.LoadKeyless()
	if db, ok := databaseURL(name); ok {
		// Nothing else of the configuration matters here.
		db.Roots = cfg.CARoots
		return sql.Config{Config: db}, nil
	}
	if err != nil {
		return sql.Config{}, err
	}
	return sqlstore.Options(cfg, name)
}

// databaseURL reads sqlite:FILE and the URLs of MySQL and PostgreSQL.
func databaseURL(s string) (sqldb.Config, bool) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return sqldb.Config{}, false
	}
	client, conn := "", sqldb.Connection{ConnectionString: sqldb.Secret(s)}
	switch scheme {
	case "sqlite", "sqlite3":
		client, conn = "sqlite3", sqldb.Connection{Filename: rest}
	case "postgres", "postgresql":
		client = "pg"
	case "mysql", "mariadb":
		client, conn.ConnectionString = "mysql2", sqldb.Secret("mysql:"+rest)
	}
	return sqldb.Config{Client: client, Connection: conn}, client != ""
}

// missing are the words of databases for tables and files that are not there.
var missing = []string{
	"no such table", "doesn't exist", "does not exist", "no such file", "unable to open database file",
}

// explainStore adds what to do about an error of a database.
func explainStore(store string, err error) error {
	if errors.Is(err, cli.ErrNo) {
		return err
	}
	text := strings.ToLower(err.Error())
	hint := problem.HintOf(err)
	err = fmt.Errorf("store %s: %w", redactStore(store), err)
	if hint == "" && slices.ContainsFunc(missing, func(words string) bool { return strings.Contains(text, words) }) {
		return problem.Hint(err, "easgate store init %s makes the tables", redactStore(store))
	}
	return err
}

// redactStore keeps the password of a database's URL out of messages.
func redactStore(store string) string {
	scheme, rest, ok := strings.Cut(store, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		name, _, _ := strings.Cut(rest[:at], ":")
		return scheme + "://" + name + "@" + rest[at+1:]
	}
	return store
}
