//go:build linux && integration

package ldap

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/testserver"
	"github.com/easgate/easgate/plugins"
)

func people(t *testing.T) string {
	t.Helper()
	ldif, err := os.ReadFile("testdata/people.ldif")
	if err != nil {
		t.Fatal(err)
	}
	return string(ldif)
}

// at is a configuration for d, changed by change.
func at(d *testserver.Directory, change func(*Config)) Config {
	base := "ou=people,dc=example,dc=com"
	c := Config{Connection: Connection{
		URL: plugins.List{d.URL}, BindDN: d.Reader, BindCredentials: plugins.Secret(d.Password),
		SearchBase: &base, SearchFilter: "(uid={{username}})",
	}}
	noCache(&c)
	if change != nil {
		change(&c)
	}
	return c
}

func TestSlapd(t *testing.T) {
	d := testserver.Slapd(t, people(t))
	t.Run("userinfo", func(t *testing.T) { testUserInfo(t, d) })
	t.Run("native", func(t *testing.T) { testNative(t, d) })
	t.Run("names", func(t *testing.T) { testNames(t, d) })
	t.Run("denied", func(t *testing.T) { testDenied(t, d) })
	t.Run("assertions", func(t *testing.T) { testAssertions(t, d) })
	t.Run("TLS", func(t *testing.T) { testTLS(t, d) })
	t.Run("nothing in clear", func(t *testing.T) { testNothingInClear(t, d) })
	t.Run("faults", func(t *testing.T) { testFaults(t, d) })
	t.Run("lockout", func(t *testing.T) { testLockout(t, d) })
	t.Run("restart under load", func(t *testing.T) { testRestart(t, d) })
	t.Run("frozen", func(t *testing.T) { testFrozen(t, d) })
	t.Run("failover", func(t *testing.T) { testFailover(t, d) })
}

func testUserInfo(t *testing.T, d *testserver.Directory) {
	const alice = `{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"objectClass":"inetOrgPerson","uid":"alice",` +
		`"cn":"Alice","sn":"Liddell","mail":["alice@example.com","a@example.com"]`
	for _, tt := range []struct {
		name   string
		change func(*Connection)
		want   string
	}{
		{"all attributes", func(*Connection) {}, alice + "}"},
		{"memberOf asked for", func(c *Connection) { c.SearchAttributes = plugins.List{"memberOf"} },
			`{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"memberOf":["cn=everybody,ou=groups,dc=example,dc=com","cn=admins,ou=groups,dc=example,dc=com"]}`},
		{"groups by DN", func(c *Connection) {
			c.SearchAttributes, c.GroupSearchAttributes = plugins.List{"uid"}, plugins.List{"cn"}
			c.GroupSearchBase, c.GroupSearchFilter = "ou=groups,dc=example,dc=com", "(member={{dn}})"
		}, `{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"uid":"alice","_groups":[` +
			`{"dn":"cn=admins,ou=groups,dc=example,dc=com","controls":[],"cn":"admins"},` +
			`{"dn":"cn=everybody,ou=groups,dc=example,dc=com","controls":[],"cn":"everybody"}]}`},
		{"groups by uid", func(c *Connection) {
			c.SearchAttributes, c.GroupSearchAttributes = plugins.List{"uid"}, plugins.List{"cn"}
			c.GroupSearchBase, c.GroupSearchFilter = "ou=groups,dc=example,dc=com", "(memberUid={{username}})"
		}, `{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"uid":"alice","_groups":[` +
			`{"dn":"cn=unix,ou=groups,dc=example,dc=com","controls":[],"cn":"unix"}]}`},
		{"no groups", func(c *Connection) {
			c.SearchAttributes, c.GroupDNProperty = plugins.List{"uid"}, "uid"
			c.GroupSearchBase, c.GroupSearchFilter, c.GroupSearchScope = "ou=groups,dc=example,dc=com", "(cn={{dn}})", "one"
		}, `{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"uid":"alice","_groups":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := easFormat(t, at(d, func(c *Config) { tt.change(&c.Connection) }))
			res := verify(t, p, "alice", "wonderland")
			if got := query.JSON(res.Data.UserInfo); got != tt.want {
				t.Errorf("userinfo = %s\nwant       %s", got, tt.want)
			}
		})
	}
}

// In native tokens one value is a list too, of groups by name as well, and a name in capitals is the same user's.
func testNative(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, func(c *Config) {
		c.Connection.SearchAttributes, c.Connection.GroupSearchAttributes = plugins.List{"cn", "mail"}, plugins.List{"cn"}
		c.Connection.SingleValued = plugins.List{"cn"}
		c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "ou=groups,dc=example,dc=com", "(memberUid={{username}})"
	}))
	for _, name := range []string{"alice", "ALICE", "Alice "} {
		res := verify(t, p, name, "wonderland")
		const want = `{"dn":"uid=alice,ou=people,dc=example,dc=com","controls":[],"cn":"Alice",` +
			`"mail":["alice@example.com","a@example.com"],"_groups":[{"dn":"cn=unix,ou=groups,dc=example,dc=com","controls":[],"cn":"unix"}]}`
		if got := query.JSON(res.Data.UserInfo); got != want || res.Identity.Name != "alice" {
			t.Errorf("%s: identity %s, userinfo = %s\nwant %s", name, res.Identity.Name, got, want)
		}
	}
}

// external-auth-server escapes these names twice, and the login fails.
func testNames(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, func(c *Config) {
		c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "ou=groups,dc=example,dc=com", "(member={{dn}})"
	}))
	for user, password := range map[string]string{
		"bob": "builder", "BOB": "builder", "star*": "st*r", "paren(x)": "p)(", `back\slash`: `b\s`, "comma, plus+": "c,+", "élè-{日本}": "möt de passe",
	} {
		res := verify(t, p, user, password)
		groups, _ := res.Data.UserInfo.(*query.Object)
		if res.Verdict != plugins.Allow || groups == nil {
			t.Errorf("Verify(%s) = %v %q, want allow", user, res.Verdict, res.Reason)
			continue
		}
		if v, _ := groups.Get("_groups"); len(v.([]any)) != 1 {
			t.Errorf("groups of %s = %s, want one", user, query.JSON(v))
		}
	}
}

func testDenied(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, nil))
	for _, tt := range []struct{ name, user, password string }{
		{"unknown user", "nobody", "x"},
		{"several users", "twin", "twin"},
		// ATTACKS 40: this server takes binds without a password.
		{"empty password", "bob", ""},
		{"a NUL for a password", "bob", "\x00"},
		// ATTACKS 41.
		{"any user", "*", "builder"},
		{"some user", "b*", "builder"},
		{"another filter", "bob)(uid=*", "builder"},
		{"another filter with an or", "x)(|(uid=bob)", "builder"},
		{"the password of another", "alice", "builder"},
	} {
		if res := verify(t, p, tt.user, tt.password); res.Verdict != plugins.Deny || res.StatusCode() != 401 {
			t.Errorf("%s: Verify = %v %d, want deny 401", tt.name, res.Verdict, res.StatusCode())
		}
	}
	verify(t, p, "alice", "wonderland") // forgets the failure
	nowhere := "ou=nowhere,dc=example,dc=com"
	p = build(t, at(d, func(c *Config) { c.Connection.SearchBase = &nowhere }))
	if res := verify(t, p, "bob", "builder"); res.StatusCode() != 401 {
		t.Errorf("Verify without a search base = %d, want 401", res.StatusCode())
	}
}

// ATTACKS 18, both orders.
func testAssertions(t *testing.T, d *testserver.Directory) {
	for _, order := range [][]string{{"bob", "root"}, {"root", "bob"}} {
		var built []*Plugin
		for _, uid := range order {
			built = append(built, build(t, at(d, func(c *Config) { c.Assertions, c.SessionCacheTTL = rule(uid), nil })))
		}
		for range 2 {
			for i, p := range built {
				want := map[string]int{"bob": 200, "root": 403}[order[i]]
				if res := verify(t, p, "bob", "builder"); res.StatusCode() != want {
					t.Errorf("Verify with uid = %s asserted, order %v: %d, want %d", order[i], order, res.StatusCode(), want)
				}
			}
		}
	}
}

func testFaults(t *testing.T, d *testserver.Directory) {
	for name, change := range map[string]func(*Connection){
		"wrong service bind":      func(c *Connection) { c.BindCredentials = "wr0ng" },
		"TLS on the port without": func(c *Connection) { c.URL = plugins.List{strings.Replace(d.URL, "ldap:", "ldaps:", 1)} },
		"no TLS on the port with": func(c *Connection) { c.URL = plugins.List{strings.Replace(d.TLSURL, "ldaps:", "ldap:", 1)} },
		"StartTLS on the port with": func(c *Connection) {
			c.URL, c.StartTLS = plugins.List{strings.Replace(d.TLSURL, "ldaps:", "ldap:", 1)}, true
		},
		"a port where nobody listens":  func(c *Connection) { c.URL = plugins.List{"ldap://127.0.0.1:1"} },
		"a name that there is not":     func(c *Connection) { c.URL = plugins.List{"ldap://no.invalid"} },
		"a search base that is no DN":  func(c *Connection) { *c.SearchBase = "nowhere" },
		"a group search that is no DN": func(c *Connection) { c.GroupSearchBase, c.GroupSearchFilter = "nowhere", "(cn=*)" },
	} {
		p := build(t, at(d, func(c *Config) {
			c.Connection.Timeout = 500
			change(&c.Connection)
		}))
		for range 2 {
			if res, err := p.Verify(t.Context(), basic("bob", "builder").Build()); err == nil {
				t.Errorf("%s: Verify = %v, want an error", name, res.Verdict)
			}
		}
	}
}

func testLockout(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, nil))
	for range 3 {
		verify(t, p, "paren(x)", "guess")
	}
	res := verify(t, p, "paren(x)", "p)(")
	if res.Verdict != plugins.Deny || res.StatusCode() != 401 || res.Reason != "bind refused: account locked (result code 49)" {
		t.Errorf("Verify of a user who is locked out = %v %d %q, want deny 401", res.Verdict, res.StatusCode(), res.Reason)
	}
	if res := verify(t, p, "bob", "builder"); res.Verdict != plugins.Allow {
		t.Errorf("Verify of another = %v, want allow", res.Verdict)
	}
}

// While the server goes and comes back, a right password is never wrong and a wrong one never right; and afterwards
// all is as before.
func testRestart(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, func(c *Config) { secured(d, "StartTLS")(c) }))
	var allowed, failed atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				user, password := "bob", "builder"
				if i%4 == 3 {
					// Of a user who is not there, for nobody is to be locked out.
					user = "nobody"
				}
				res, err := p.Verify(t.Context(), basic(user, password).Build())
				switch {
				case err != nil:
					failed.Add(1)
				case (res.Verdict == plugins.Allow) != (user == "bob"):
					t.Errorf("Verify(%s) = %v %q", user, res.Verdict, res.Reason)
					return
				case res.Verdict == plugins.Allow:
					allowed.Add(1)
				}
			}
		})
	}
	// more waits until n has grown by ten.
	more := func(n *atomic.Int64) {
		deadline := time.After(20 * time.Second)
		for from := n.Load(); n.Load() < from+10; {
			select {
			case <-deadline:
				t.Error("no change in 20 s")
				return
			case <-time.Tick(time.Millisecond):
			}
		}
	}
	for range 3 {
		more(&allowed)
		d.Kill()
		more(&failed)
		d.Start()
	}
	more(&allowed)
	close(stop)
	all.Wait()
	for range 10 {
		verify(t, p, "bob", "builder")
	}
}

func testFrozen(t *testing.T, d *testserver.Directory) {
	p := build(t, at(d, func(c *Config) { c.Connection.Timeout = 100 }))
	remembering := build(t, at(d, func(c *Config) { c.SessionCacheTTL = nil }))
	verify(t, p, "bob", "builder")
	verify(t, remembering, "bob", "builder")
	d.Freeze()
	// The kernel freezes it in its own time.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var err error
	for err == nil {
		_, err = p.Verify(ctx, basic("bob", "builder").Build())
	}
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Verify at a server that hangs = %v, want its timeout", err)
	}
	if res := verify(t, remembering, "bob", "builder"); res.Verdict != plugins.Allow {
		t.Errorf("Verify of a remembered login = %v, want allow", res.Verdict)
	}
	d.Thaw()
	if res := verify(t, p, "bob", "builder"); res.Verdict != plugins.Allow {
		t.Errorf("Verify after that = %v, want allow", res.Verdict)
	}
}

func testFailover(t *testing.T, first *testserver.Directory) {
	second := testserver.Slapd(t, people(t))
	p := build(t, at(first, func(c *Config) { c.Connection.URL = plugins.List{first.URL, second.URL} }))
	for i, change := range []func(){func() {}, first.Kill, func() { first.Start(); second.Kill() }, second.Start} {
		change()
		for range 3 {
			if res := verify(t, p, "bob", "builder"); res.Verdict != plugins.Allow {
				t.Errorf("step %d: Verify = %v, want allow", i, res.Verdict)
			}
		}
	}
}
