package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// easFormat builds a plugin of a token in external-auth-server's format, and returns what it complained of.
func easFormat(t *testing.T, c Config) (p *Plugin, complaints []string) {
	t.Helper()
	env := plugintest.Env(t)
	env.Report = func(err error) { complaints = append(complaints, err.Error()) }
	return buildIn(t, c, env), complaints
}

// ATTACKS 88: a name in another spelling finds the user, and must not find other groups: "not one of the banned" would
// let the user in.
func TestAnotherSpellingOfTheName(t *testing.T) {
	banned := []*ldap.Entry{entry("cn=banned,dc=test", "cn", "banned")}
	f := serve(t, &fake{
		entries: map[string][]*ldap.Entry{
			"(uid=ALICE)":       {entry(aliceDN, "uid", "alice", "cn", "Alice")},
			"(uid=adm)":         {entry("cn=adm,dc=test", "cn", "adm")},
			"(memberUid=alice)": banned,
			"(memberUid=adm)":   banned,
		},
		passwords: map[string]string{"cn=adm,dc=test": "wonderland"},
	})
	c := config(f, func(c *Config) {
		c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "dc=test", "(memberUid={{username}})"
		c.Connection.SearchAttributes = plugins.List{"cn"}
		c.Assertions = Assertions{UserInfo: assertion.Rules(
			`[{"query_engine": "jp", "query": "$._groups[*].cn", "rule": {"method": "contains", "value": "banned", "negate": true}}]`)}
	})
	for _, name := range []string{"alice", "ALICE", "adm"} {
		if res := verify(t, build(t, c), name, "wonderland"); res.StatusCode() != 403 {
			t.Errorf("Verify(%s) = %d, want 403: banned", name, res.StatusCode())
		}
	}
	c.Assertions = Assertions{}
	res := verify(t, build(t, c), "ALICE", "wonderland")
	if res.Identity.Name != "alice" || res.Identity.Subject != aliceDN {
		t.Errorf("identity = %+v, want the directory's spelling", res.Identity)
	}
	// It was asked for because of the filter, not by the configuration.
	if got := query.JSON(res.Data.UserInfo); strings.Contains(got, `"uid"`) {
		t.Errorf("userinfo = %s, want it without uid", got)
	}
	// In external-auth-server's format it is uid, and "" without.
	p, complaints := easFormat(t, c)
	f.log()
	verify(t, p, "adm", "wonderland")
	if got := f.log(); !slices.ContainsFunc(got, func(line string) bool { return strings.HasSuffix(line, "(memberUid=)") }) {
		t.Errorf("EAS's format: asked %q", got)
	}
	if len(complaints) != 1 || !strings.HasPrefix(complaints[0], "connection.groupSearchFilter: {{username}} is the user's uid") {
		t.Errorf("EAS's format: complaints %q", complaints)
	}
}

func TestOlderNames(t *testing.T) {
	f := serve(t, &fake{})
	for _, tt := range []struct {
		name   string
		change func(*Connection)
		want   string // an error, "" for none
	}{
		{"adminDn, adminPassword", func(c *Connection) { c.AdminDn, c.AdminPassword = serviceDN, "t0ps3cret" }, ""},
		{"bindDn, Credentials", func(c *Connection) { c.BindDn, c.Credentials = serviceDN, "t0ps3cret" }, ""},
		{"twice the same", func(c *Connection) {
			c.BindDN, c.AdminDn, c.AdminPassword = serviceDN, serviceDN, "t0ps3cret"
		}, ""},
		{"twice", func(c *Connection) { c.BindDN, c.AdminDn, c.AdminPassword = serviceDN, "cn=x", "t0ps3cret" }, "connection.bindDN: it is given by"},
		{"a name without a password", func(c *Connection) { c.AdminDn = serviceDN }, "connection.bindCredentials: required"},
		{"a socket", func(c *Connection) { c.SocketPath = "/run/slapd/ldapi" }, "connection.socketPath: not supported"},
		{"buffers", func(c *Connection) { c.IncludeRaw = true }, "connection.includeRaw: there is no _raw"},
		{"a secret", func(c *Connection) { c.SearchAttributes = plugins.List{"uid", "userPassword"} }, "connection.searchAttributes: userPassword is a secret"},
		{"a group's secret", func(c *Connection) { c.GroupSearchAttributes = plugins.List{"unicodePwd"} }, "connection.groupSearchAttributes: unicodePwd is a secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(f, func(c *Config) {
				c.Connection.BindDN, c.Connection.BindCredentials = "", ""
				tt.change(&c.Connection)
			})
			env := plugintest.Env(t)
			env.Native = true
			var problems []error
			env.Report = func(err error) { problems = append(problems, err) }
			p, err := New(c, env)
			err = errors.Join(append(problems, err)...)
			if tt.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("New = %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Verify(t.Context(), basic("alice", "wonderland").Build()); err != nil {
				t.Errorf("Verify = %v", err)
			}
			if !slices.ContainsFunc(f.log(), func(line string) bool { return strings.HasSuffix(line, "bind "+serviceDN) }) {
				t.Error("the search was anonymous")
			}
		})
	}
	// As ldapauth-fork has it: bindDn before bindDN before adminDn.
	p, complaints := easFormat(t, config(f, func(c *Config) { c.Connection.BindDn, c.Connection.AdminDn = serviceDN, "cn=x" }))
	if _, err := p.Verify(t.Context(), basic("alice", "wonderland").Build()); err != nil || len(complaints) != 1 {
		t.Errorf("EAS's format: Verify = %v, complaints %q", err, complaints)
	}
}

func TestReferrals(t *testing.T) {
	f := serve(t, &fake{
		references: true,
		codes:      map[string]uint16{"(uid=elsewhere)": ldap.LDAPResultReferral},
	})
	p := build(t, config(f, nil))
	if res := verify(t, p, "alice", "wonderland"); res.Verdict != plugins.Allow {
		t.Errorf("Verify where the search found references too = %v %q, want allow", res.Verdict, res.Reason)
	}
	if _, err := p.Verify(t.Context(), basic("elsewhere", "x").Build()); err == nil || !strings.Contains(err.Error(), "Global Catalog, at port 3268 or 3269") {
		t.Errorf("Verify where the directory refers elsewhere = %v", err)
	}
}

func TestWhyABindWasRefused(t *testing.T) {
	f := serve(t, &fake{
		bindCodes: map[string]uint16{aliceDN: ldap.LDAPResultInvalidCredentials},
		messages:  map[string]string{aliceDN: "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 533, v3839"},
	})
	p := build(t, config(f, nil))
	res := verify(t, p, "alice", "wonderland")
	if res.Reason != "bind refused: account disabled (result code 49, data 533)" {
		t.Errorf("reason = %q", res.Reason)
	}
	// The client learns nothing: all refusals are the same to it.
	if unknown := verify(t, p, "nobody", "x"); res.StatusCode() != unknown.StatusCode() || len(res.Body)+len(unknown.Body) > 0 ||
		res.Header.Get("Www-Authenticate") != unknown.Header.Get("Www-Authenticate") {
		t.Errorf("the client sees %d %v, an unknown user %d %v", res.StatusCode(), res.Header, unknown.StatusCode(), unknown.Header)
	}
}

// ATTACKS 89: clients that leave while the directory is asked, or send so much that no time is left, close no connection
// that others use and make no server the last to be asked.
func TestClientsDoNotCountAgainstServers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		leave func(ctx context.Context, cancel func())
		want  error
	}{
		{"one who leaves", func(_ context.Context, cancel func()) { cancel() }, context.Canceled},
		{"one with little time", func(ctx context.Context, _ func()) { <-ctx.Done() }, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := inBubble(&fake{gate: make(chan struct{})})
				p := buildInBubble(t, f, config(f, func(c *Config) {
					noCache(c)
					c.Connection.URL = append(c.Connection.URL, "ldap://second.test")
				}))
				var all sync.WaitGroup
				for _, password := range []string{"wonderland", "guess"} {
					all.Go(func() { verify(t, p, "alice", password) })
				}
				synctest.Wait()
				f.gate <- struct{}{}
				f.gate <- struct{}{}
				all.Wait()
				// Two connections idle; the third round opens one.
				for _, want := range []int{1, 0, 0} {
					ctx, cancel := context.WithTimeout(t.Context(), fairChance/2)
					done := make(chan error)
					go func() {
						_, err := p.Verify(ctx, basic("alice", "wonderland").Build())
						done <- err
					}()
					synctest.Wait()
					tt.leave(ctx, cancel)
					if err := <-done; !errors.Is(err, tt.want) {
						t.Errorf("Verify = %v, want %v", err, tt.want)
					}
					cancel()
					synctest.Wait()
					if n, first := len(p.passwords.idle), p.service.directory.preferred.Load(); n != want || first != 0 {
						t.Errorf("%d idle connections, want %d; server %d is asked first, want 0", n, want, first)
					}
				}
				close(f.gate)
			})
		})
	}
}

// An answer that is too long is asked for once: the other servers have the same.
func TestTooLongAnswersAreNotAskedForAgain(t *testing.T) {
	f := serve(t, &fake{entries: map[string][]*ldap.Entry{
		"(uid=long)": {entry(aliceDN, "description", strings.Repeat("x", maxAnswer))},
	}})
	p := build(t, config(f, func(c *Config) {
		c.Connection.URL = append(c.Connection.URL, f.url)
		c.Connection.Timeout = 60_000 // ms: it is much, for a busy machine
	}))
	_, err := p.Verify(t.Context(), basic("long", "x").Build())
	if !errors.Is(err, errTooLong) || f.dialed() != 1 {
		t.Errorf("Verify = %v after %d connections, want one", err, f.dialed())
	}
	if first := p.service.directory.preferred.Load(); first != 0 {
		t.Errorf("server %d is asked first, want 0", first)
	}
}
