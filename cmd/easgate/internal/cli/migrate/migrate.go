package migrate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
	"github.com/easgate/easgate/cmd/easgate/internal/lint"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
)

// A migration is what migrate is asked to do.
type migration struct {
	envFile, writeKeyring, out string
	json                       bool
}

// New makes the command migrate.
func New(c *cli.CLI, compiler cli.Compiler) *cobra.Command {
	var m migration
	cmd := &cobra.Command{
		Use:   "migrate [FILE...]",
		Short: "Say what becomes of an environment and config tokens of external-auth-server, and seal the tokens natively",
		Long: `Reads external-auth-server's environment, the config tokens in each FILE (- for the standard input) and
those in the configured stores. A FILE is a proxy's configuration (config_token= in verify URLs) or any
text with sealed tokens.

Says of each variable whether it is kept, changed or ignored, and of each token whether it opens, what in it is unsafe
or unsupported, and what would answer differently in native form. With --out it seals natively what can be.
Prints no secrets. Exit code 3 when there is something to do about it.`,
		Example: `  easgate migrate --env-file eas.env /etc/nginx/conf.d/*.conf
  easgate migrate --env-file eas.env nginx.conf --write-keyring keyring.json --out tokens.jsonl`,
		RunE: func(cmd *cobra.Command, files []string) error {
			return run(c, cmd.Context(), compiler, &m, files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.envFile, "env-file", "",
		"read the variables from this `file` of Docker or systemd, not from the environment")
	f.StringVar(&m.writeKeyring, "write-keyring", "", "make a keyring in this new `file` and seal with it")
	f.StringVar(&m.out, "out", "", "write the native tokens to this new `file`, a JSON object a line")
	f.BoolVar(&m.json, "json", false, "print JSON")
	c.Settings(cmd, "keyring_file", "config_token_stores")
	return cmd
}

// migrated is the report.
type migrated struct {
	Environment []variable      `json:"environment"`
	Stores      []migratedStore `json:"stores"`
	Tokens      []migratedToken `json:"tokens"`
}

// A migratedToken is what is found out about one config token.
type migratedToken struct {
	Sources []string `json:"sources"`
	// Digest is the start of the sealed text's SHA-256, to tell tokens apart.
	Digest  string               `json:"sha256"`
	Bytes   int                  `json:"bytes"`
	Opens   bool                 `json:"opens"`
	Error   string               `json:"error,omitempty"`
	Format  string               `json:"format,omitempty"`
	State   string               `json:"state,omitempty"`
	JTI     string               `json:"jti,omitempty"`
	Pointer *configtoken.Pointer `json:"pointer,omitempty"`
	Plugins []string             `json:"plugins,omitempty"`
	// Findings are in the order of the token.
	Findings []remark `json:"findings"`
	// Native is the size of the native token, 0 if none was made.
	Native int `json:"native_bytes,omitempty"`
}

// A remark is a finding with its weight.
type remark struct {
	Kind remarkKind `json:"kind"`
	lint.Finding
}

type remarkKind string

const (
	// unsupported is what does not work, or not natively.
	unsupported remarkKind = "unsupported"
	unsafe      remarkKind = "unsafe"
	// differs is what a native token answers differently, on purpose.
	differs remarkKind = "differs"
)

// A nativeToken is a line of --out.
type nativeToken struct {
	Sources []string `json:"sources"`
	Store   string   `json:"store,omitempty"`
	ID      string   `json:"id,omitempty"`
	Digest  string   `json:"replaces_sha256"`
	Token   string   `json:"token"`
}

func run(c *cli.CLI, ctx context.Context, compiler cli.Compiler, m *migration, files []string) error {
	var quoted []string
	if m.envFile != "" {
		var err error
		if c.Env, quoted, err = readEnvFile(c, m.envFile); err != nil {
			return err
		}
	}
	cfg, warnings, err := c.LoadKeyless()
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	sealer, err := migrationSealer(c, m, cfg)
	if err != nil {
		return err
	}
	report := migrated{Environment: environment(c, cfg, warnings, problems, quoted)}
	found, err := tokensIn(c, files)
	if err != nil {
		return err
	}
	stored, list := tokensInStores(c, ctx, cfg)
	report.Stores = list
	var native []nativeToken
	report.Tokens, native, err = judgeAll(c, compiler, cfg, append(found, stored...), sealer)
	if err != nil {
		return err
	}
	if m.out != "" {
		if err := writeNative(m.out, native); err != nil {
			return err
		}
	}
	if m.json {
		err = c.PrintJSON(report)
	} else {
		err = printMigration(c, &report, m.out)
	}
	if err == nil && report.asksForMore() {
		return cli.ErrNo
	}
	return err
}

// migrationSealer returns what seals natively, nil when nothing is to be sealed.
func migrationSealer(c *cli.CLI, m *migration, cfg *config.Config) (configtoken.Sealer, error) {
	configured := cfg.Keyring != "" || cfg.KeyringFile != ""
	switch {
	case m.out == "" && m.writeKeyring == "":
		return nil, nil
	case m.out == "":
		return nil, cli.Usage("--write-keyring makes keys for the tokens of --out, which is missing")
	case m.writeKeyring != "" && configured:
		return nil, cli.Usage("--write-keyring: there is a keyring already, in %s",
			cmp.Or(cfg.Origin("keyring_file"), cfg.Origin("keyring")))
	case m.writeKeyring == "" && !configured:
		return nil, cli.Usage("--out needs keys: --write-keyring makes some, --keyring-file takes those that there are")
	case m.writeKeyring == "":
		ring, err := tokens.Keyring(cfg)
		if err != nil {
			return nil, err
		}
		return ring.Sealer()
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, err
	}
	if err := files.Create(m.writeKeyring, ring.JWKSet()); err != nil {
		return nil, err
	}
	return ring.Sealer()
}

func writeNative(path string, list []nativeToken) error {
	var b bytes.Buffer
	for _, t := range list {
		if err := cli.WriteLine(&b, t); err != nil {
			return err
		}
	}
	return files.Create(path, b.Bytes())
}

// asksForMore reports whether somebody has to do something.
func (r *migrated) asksForMore() bool {
	return slices.ContainsFunc(r.Environment, func(v variable) bool { return v.State.asks() }) ||
		slices.ContainsFunc(r.Stores, func(s migratedStore) bool { return s.Error != "" }) ||
		slices.ContainsFunc(r.Tokens, func(t migratedToken) bool {
			return !t.Opens || slices.ContainsFunc(t.Findings, func(f remark) bool { return f.Kind != differs })
		})
}

// printMigration prints the report for people.
func printMigration(c *cli.CLI, r *migrated, out string) error {
	var b bytes.Buffer
	section := func(name string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", name)
	}
	section("environment")
	for _, v := range r.Environment {
		fmt.Fprintf(&b, "  %-8s %s", v.State, v.Name)
		if v.Text != "" {
			fmt.Fprintf(&b, ": %s", v.Text)
		}
		b.WriteByte('\n')
		if v.Hint != "" {
			fmt.Fprintf(&b, "           hint: %s\n", v.Hint)
		}
	}
	if len(r.Stores) > 0 {
		section("stores")
	}
	for _, s := range r.Stores {
		if s.Error != "" {
			fmt.Fprintf(&b, "  %s (%s): %s\n", s.ID, s.Adapter, s.Error)
			continue
		}
		fmt.Fprintf(&b, "  %s (%s): %d tokens\n", s.ID, s.Adapter, s.Tokens)
	}
	if len(r.Tokens) > 0 {
		section("config tokens")
	}
	opens, sealed := 0, 0
	for i := range r.Tokens {
		t := &r.Tokens[i]
		t.print(&b)
		if t.Opens {
			opens++
		}
		if t.Native > 0 {
			sealed++
		}
	}
	fmt.Fprintf(&b, "\n%d config tokens, %d open", len(r.Tokens), opens)
	if out != "" {
		fmt.Fprintf(&b, ", %d sealed natively into %s", sealed, out)
	}
	b.WriteByte('\n')
	_, err := c.Out.Write(b.Bytes())
	return err
}

func (t *migratedToken) print(b *bytes.Buffer) {
	for _, s := range t.Sources {
		fmt.Fprintf(b, "  %s\n", s)
	}
	if !t.Opens {
		fmt.Fprintf(b, "    closed       %s (sha256 %s, %d bytes)\n", t.Error, t.Digest, t.Bytes)
		return
	}
	fmt.Fprintf(b, "    opens        %s, %s (sha256 %s, %d bytes", t.Format, t.State, t.Digest, t.Bytes)
	if t.JTI != "" {
		fmt.Fprintf(b, ", jti %q", t.JTI)
	}
	b.WriteString(")\n")
	if t.Pointer != nil {
		fmt.Fprintf(b, "    points to    store %q, token %q\n", t.Pointer.StoreID, t.Pointer.TokenID)
	}
	for i, p := range t.Plugins {
		fmt.Fprintf(b, "    plugins[%d]   %s\n", i, p)
	}
	for _, f := range t.Findings {
		fmt.Fprintf(b, "    %-12s %s: %s\n", f.Kind, f.Path, f.Text)
	}
	if t.Native > 0 {
		fmt.Fprintf(b, "    sealed       natively, %d bytes\n", t.Native)
	}
}
