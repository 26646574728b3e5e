package ldap

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins/plugintest"
)

// The connections that the documentation shows build strictly, and nothing but the missing password's owner is lacking.
func TestDocumentedConnections(t *testing.T) {
	text, err := os.ReadFile("../../docs/plugins/ldap.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\nconnection:\n")[1:]
	if len(blocks) != 3 {
		t.Fatalf("%d connections, want those for posixGroup, Active Directory and FreeIPA", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		raw, err := document.Convert([]byte("connection:\n" + block))
		if err != nil {
			t.Fatal(err)
		}
		var c Config
		if err := strictjson.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", block, err)
		}
		env := plugintest.Env(t)
		env.Native = true
		if _, err := New(c, env); err != nil {
			t.Errorf("%s: %v", block, err)
		}
		c.Lint(false, func(text string) { t.Errorf("%s: lint: %s", block, text) })
	}
}

func TestLintAndMigrate(t *testing.T) {
	no := false
	for _, tt := range []struct {
		name          string
		change        func(*Connection)
		lint, migrate string // how the one text begins that is there because of change
	}{
		{"all attributes", func(c *Connection) { c.SearchAttributes = nil }, "connection.searchAttributes: all", ""},
		{"in clear", func(c *Connection) { c.URL = []string{"ldap://h"} }, "connection.url: ldap without starttls", ""},
		{"TLS", func(c *Connection) { c.URL = []string{"LDAPS://h"} }, "", "connection.url: a server certificate that has a common name"},
		{"StartTLS", func(c *Connection) { c.StartTLS = true }, "", "connection.url: a server certificate that has a common name"},
		{"TLS by another name", func(c *Connection) { c.StartTLS, c.TLSOptions.ServerName = true, "h" }, "", ""},
		{"TLS with anybody", func(c *Connection) { c.StartTLS, c.TLSOptions.RejectUnauthorized = true, &no },
			"connection.tlsOptions.rejectUnauthorized: any server", ""},
		{"groups by name", func(c *Connection) { c.GroupSearchFilter = "(memberUid={{username}})" }, "", "connection.groupSearchFilter: {{username}}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Connection: Connection{URL: []string{"ldap://127.0.0.1"}, SearchAttributes: []string{"uid"}}}
			lintBefore, migrateBefore := said(&c)
			tt.change(&c.Connection)
			lint, migrate := said(&c)
			for what, got := range map[string][2]string{"lint": {added(lintBefore, lint), tt.lint}, "migrate": {added(migrateBefore, migrate), tt.migrate}} {
				if !strings.HasPrefix(got[0], got[1]) || (got[0] == "") != (got[1] == "") {
					t.Errorf("%s says %q more, want %q", what, got[0], got[1])
				}
			}
		})
	}
}

func said(c *Config) (lint, migrate []string) {
	c.Lint(false, func(text string) { lint = append(lint, text) })
	c.Migrate(func(text string) { migrate = append(migrate, text) })
	return lint, migrate
}

// added is what is in after and not in before.
func added(before, after []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(after), func(s string) bool { return slices.Contains(before, s) }), "\n")
}
