package ldap

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

func basic(user, password string) plugintest.Request {
	return plugintest.Request{Header: http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))},
	}}
}

// config is one for f, changed by change.
func config(f *fake, change func(*Config)) Config {
	base := "ou=people,dc=test"
	c := Config{Realm: "r", Connection: Connection{
		URL: plugins.List{f.url}, BindDN: serviceDN, BindCredentials: "t0ps3cret",
		SearchBase: &base, SearchFilter: "(uid={{username}})",
	}}
	if change != nil {
		change(&c)
	}
	return c
}

func build(t testing.TB, c Config) *Plugin {
	t.Helper()
	env := plugintest.Env(t)
	env.Native = true
	env.Query = query.Engines{"jp": jsonpath.New(nil)}
	return buildIn(t, c, env)
}

func buildIn(t testing.TB, c Config, env plugins.Env) *Plugin {
	t.Helper()
	built, err := New(c, env)
	if err != nil {
		t.Fatal(err)
	}
	p := built.(*Plugin)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// buildInBubble builds a plugin that reaches f inside a synctest bubble, and reads its clock.
func buildInBubble(t testing.TB, f *fake, c Config) *Plugin {
	t.Helper()
	env := plugintest.Env(t)
	env.Now = time.Now
	p := buildIn(t, c, env)
	p.service.directory.dial = f.dial
	return p
}

func verify(t testing.TB, p *Plugin, user, password string) plugins.Result {
	t.Helper()
	res, err := p.Verify(t.Context(), basic(user, password).Build())
	if err != nil {
		t.Fatalf("Verify(%s, %s) = %v", user, password, err)
	}
	return res
}

func TestContract(t *testing.T) {
	raw, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	const filter = "(&(objectClass=inetOrgPerson)(uid=alice))"
	f := serve(t, &fake{
		passwords: map[string]string{"cn=easgate,dc=example,dc=com": "t0ps3cret"},
		entries:   map[string][]*ldap.Entry{filter: {entry(aliceDN, "uid", "alice")}},
	})
	var example struct {
		Connection map[string]any `json:"connection"`
	}
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	example.Connection["url"], example.Connection["starttls"] = f.url, false
	here, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	with := func(member string) string {
		return `{"connection": {"url": "ldap://h", "searchBase": "", "searchFilter": "(uid={{username}})", ` + member + `}}`
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(New),
		Config:  here,
		Allowed: basic("alice", "wonderland"),
		Secrets: []string{"t0ps3cret", "wonderland"},
		BadConfigs: map[string]string{
			`{}`:                                  "connection.url: required",
			`{"connection": "x"}`:                 "connection: want",
			`{"connection": {}}`:                  "connection.url: required",
			with(`"url": []`):                     "connection.url: required",
			with(`"url": 5`):                      "connection.url: want",
			with(`"url": [5]`):                    "connection.url: want",
			with(`"url": "http://h"`):             "connection.url: want ldap://",
			with(`"url": "ldap://"`):              "connection.url: want ldap://",
			with(`"url": "ldap://u:t0ps3cret@h"`): "connection.url: want nothing but",
			with(`"url": "ldap://h/dc=x"`):        "connection.url: want nothing but",
			`{"connection": {"url": "ldap://h", "searchFilter": "(uid=x)"}}`:                          "connection.searchBase: required",
			with(`"searchFilter": ""`):                                                                "connection.searchFilter: required",
			with(`"searchFilter": "(uid={{username}}"`):                                               "connection.searchFilter: ",
			with(`"searchFilter": "(&(a=b) (uid={{username}}))"`):                                     "connection.searchFilter: ",
			with(`"searchFilter": "(uid=bob)"`):                                                       "connection.searchFilter: without {{username}}",
			with(`"searchFilter": "(a={{dn}}{{username}})"`):                                          "connection.searchFilter: {{dn}}",
			with(`"searchScope": "all"`):                                                              "connection.searchScope: want base",
			with(`"groupSearchBase": "dc=x", "groupSearchFilter": "("`):                               "connection.groupSearchFilter: ",
			with(`"groupSearchBase": "dc=x"`):                                                         "connection.groupSearchBase: ",
			with(`"groupSearchBase": "dc=x", "groupSearchFilter": "(a=b)", "groupSearchScope": 1`):    "connection.groupSearchScope: want",
			with(`"groupSearchBase": "dc=x", "groupSearchFilter": "(a=b)", "groupSearchScope": "up"`): "connection.groupSearchScope: want",
			with(`"bindDN": "cn=x"`):                                                                  "connection.bindCredentials: required",
			with(`"bindCredentials": "t0ps3cret"`):                                                    "connection.bindDN: without",
			with(`"bindProperty": "mail", "searchAttributes": "uid"`):                                 "connection.bindProperty: mail is not",
			with(`"timeout": -1`):                                                                     "connection.timeout: want",
			with(`"connectTimeout": 1e9`):                                                             "connection.connectTimeout: want",
			with(`"maxConnections": -1`):                                                              "connection.maxConnections: want",
			with(`"tlsOptions": {"ca": "x"}`):                                                         "connection.tlsOptions.ca: want",
			with(`"tlsOptions": {"cert": "x"}`):                                                       "connection.tlsOptions.cert: want",
			with(`"tlsOptions": {"key": "t0ps3cret"}`):                                                "connection.tlsOptions.cert: want",
			strings.TrimSuffix(with(`"cache": true`), "}") + `, "session_cache_ttl": -1}`:             "session_cache_ttl: want",
			strings.TrimSuffix(with(`"cache": true`), "}") + `, "assertions": {"userinfo": [5]}}`:     "assertions.userinfo: [0]",
		},
	})
}

func TestVerify(t *testing.T) {
	long := strings.Repeat("x", 1025)
	f := serve(t, &fake{
		passwords: map[string]string{"uid=bob,dc=test": "builder"},
		entries: map[string][]*ldap.Entry{
			"(uid=twin)": {entry("cn=1,dc=test"), entry("cn=2,dc=test")},
			"(uid=root)": {entry("")},
		},
		codes:     map[string]uint16{"(uid=many)": ldap.LDAPResultSizeLimitExceeded, "(uid=nobase)": ldap.LDAPResultNoSuchObject},
		bindCodes: map[string]uint16{},
	})
	p := build(t, config(f, func(c *Config) { c.SessionCacheTTL = new(int) }))
	const filter = "ou=people,dc=test (uid="
	nobody := "bind " + p.nobody
	for _, tt := range []struct {
		name, user, password string
		want                 plugins.Verdict
		asked                []string
	}{
		{"right", "alice", "wonderland", plugins.Allow, []string{"search " + filter + "alice)", "bind " + aliceDN}},
		{"wrong password", "alice", "guess", plugins.Deny, []string{"search " + filter + "alice)", "bind " + aliceDN}},
		// ATTACKS 39: as much work as for a user who is there.
		{"unknown user", "carol", "guess", plugins.Deny, []string{"search " + filter + "carol)", nobody}},
		{"several users", "twin", "x", plugins.Deny, []string{"search " + filter + "twin)", nobody}},
		{"more users than asked for", "many", "x", plugins.Deny, []string{"search " + filter + "many)", nobody}},
		{"the search base is not there", "nobase", "x", plugins.Deny, []string{"search " + filter + "nobase)", nobody}},
		// A bind with an empty name is anonymous, whatever the password.
		{"a user without a DN", "root", "x", plugins.Deny, []string{"search " + filter + "root)", nobody}},
		// ATTACKS 40: the directory would take it.
		{"empty password", "alice", "", plugins.Deny, nil},
		{"a NUL for a password", "alice", "\x00", plugins.Deny, nil},
		{"empty user", "", "wonderland", plugins.Deny, nil},
		{"a NUL in the user", "alice\x00", "wonderland", plugins.Deny, nil},
		{"a user that is no UTF-8", "alice\xff", "wonderland", plugins.Deny, nil},
		{"a user that is too long", long, "wonderland", plugins.Deny, nil},
		// ATTACKS 41.
		{"any user", "*", "wonderland", plugins.Deny, []string{"search " + filter + `\2a)`, nobody}},
		{"another filter", "bob)(uid=*", "builder", plugins.Deny, []string{"search " + filter + `bob\29\28uid=\2a)`, nobody}},
		{"a placeholder", "{{username}}", "x", plugins.Deny, []string{"search " + filter + "{{username}})", nobody}},
		{"escaped already", `\61lice`, "wonderland", plugins.Deny, []string{"search " + filter + `\5c61lice)`, nobody}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.log()
			res := verify(t, p, tt.user, tt.password)
			if res.Verdict != tt.want {
				t.Errorf("Verify = %v %q, want %v", res.Verdict, res.Reason, tt.want)
			}
			var asked []string
			for _, line := range f.log() {
				if _, what, _ := strings.Cut(line, " "); what != "bind "+serviceDN {
					asked = append(asked, what)
				}
			}
			if !slices.Equal(asked, tt.asked) {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
			if tt.want == plugins.Allow {
				if id := res.Identity; id.Subject != aliceDN || id.Realm != "r" {
					t.Errorf("identity = %+v", id)
				}
				return
			}
			// One answer for all of them.
			if got := fmt.Sprint(res.StatusCode(), res.Header, res.Body); got != `401 map[Www-Authenticate:[Basic realm="r", charset="UTF-8"]] []` {
				t.Errorf("answer = %s", got)
			}
		})
	}
}

func TestUserInfo(t *testing.T) {
	f := serve(t, &fake{entries: map[string][]*ldap.Entry{
		"(uid=alice2)": {entry(aliceDN, "cn", "Alice", "mail", "a@test", "mail", "b@test", "dn", "cn=forged", "_groups", "forged",
			"photo", "\xff", "cert;binary", "\xff\x00", "uid", "alice*")},
		`(&(member=uid=alice,ou=people,dc=test)(memberUid=alice\2a))`: {entry("cn=g1,dc=test", "cn", "g1"), entry("cn=g2,dc=test")},
	}})
	p := build(t, config(f, func(c *Config) {
		c.Connection.GroupSearchBase = "ou=groups,dc=test"
		c.Connection.GroupSearchFilter = "(&(member={{dn}})(memberUid={{username}}))"
	}))
	res := verify(t, p, "alice2", "wonderland")
	const want = `{"dn":"uid=alice,ou=people,dc=test","controls":[],"cn":["Alice"],"mail":["a@test","b@test"],` +
		`"_groups":[{"dn":"cn=g1,dc=test","controls":[],"cn":["g1"]},{"dn":"cn=g2,dc=test","controls":[]}],` +
		`"photo":["/w=="],"cert;binary":["/wA="],"uid":["alice*"]}`
	if got := query.JSON(res.Data.UserInfo); got != want {
		t.Errorf("userinfo = %s\nwant       %s", got, want)
	}
}

func TestNoGroupSearchBase(t *testing.T) {
	f := serve(t, &fake{codes: map[string]uint16{"(member=" + aliceDN + ")": ldap.LDAPResultNoSuchObject}})
	p := build(t, config(f, func(c *Config) {
		c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "dc=nowhere", "(member={{dn}})"
	}))
	if res := verify(t, p, "alice", "wonderland"); res.Verdict != plugins.Deny || res.StatusCode() != 401 {
		t.Errorf("Verify = %v %d, want deny 401", res.Verdict, res.StatusCode())
	}
}

func TestBindProperty(t *testing.T) {
	f := serve(t, &fake{
		passwords: map[string]string{"alice@test": "wonderland"},
		entries: map[string][]*ldap.Entry{
			"(uid=one)":  {entry(aliceDN, "userPrincipalName", "alice@test")},
			"(uid=two)":  {entry(aliceDN, "userPrincipalName", "alice@test", "userPrincipalName", "b@test")},
			"(uid=none)": {entry(aliceDN)},
		},
	})
	p := build(t, config(f, func(c *Config) { c.Connection.BindProperty = "userprincipalname" }))
	for user, want := range map[string]string{"one": "alice@test", "two": p.nobody, "none": p.nobody} {
		f.log()
		res := verify(t, p, user, "wonderland")
		if got := f.binds(); !slices.Equal(got, []string{want}) || (res.Verdict == plugins.Allow) != (user == "one") {
			t.Errorf("Verify(%s) = %v, bound as %q, want %q", user, res.Verdict, got, want)
		}
	}
}

func rule(value string) Assertions {
	raw := `[{"query_engine": "jp", "query": "$.uid", "rule": {"method": "eq", "value": "` + value + `"}}]`
	return Assertions{UserInfo: assertion.Rules(raw)}
}

// ATTACKS 18: what one configuration remembers is nothing to a stricter one, whichever is asked first.
func TestAssertions(t *testing.T) {
	for _, lenientFirst := range []bool{true, false} {
		f := serve(t, &fake{})
		lenient := build(t, config(f, nil))
		fitting := build(t, config(f, func(c *Config) { c.Assertions = rule("alice") }))
		strict := build(t, config(f, func(c *Config) { c.Assertions = rule("root") }))
		order := []*Plugin{lenient, fitting, strict}
		if !lenientFirst {
			slices.Reverse(order)
		}
		for range 2 {
			for _, p := range order {
				want := 200
				if p == strict {
					want = 403
				}
				res := verify(t, p, "alice", "wonderland")
				if res.StatusCode() != want || (res.Verdict == plugins.Allow) != (want == 200) || res.Header != nil {
					t.Errorf("Verify = %v %d %v, want %d", res.Verdict, res.StatusCode(), res.Header, want)
				}
				// Who does not know the password does not learn that the assertions fail.
				if res := verify(t, p, "alice", "guess"); res.StatusCode() != 401 {
					t.Errorf("Verify(guess) = %d, want 401", res.StatusCode())
				}
			}
		}
	}
}

// external-auth-server dies of an assertion that throws.
func TestAssertionThatCannotBeEvaluated(t *testing.T) {
	f := serve(t, &fake{})
	for raw, want := range map[string]string{
		`[{"query_engine": "nope", "query": "x", "rule": {}}]`: "error",
		`"nope"`: "error", `false`: "allow", `""`: "allow", `[]`: "allow", `null`: "allow",
	} {
		env := plugintest.Env(t)
		var warned []error
		env.Report = func(err error) { warned = append(warned, err) }
		p := buildIn(t, config(f, func(c *Config) { c.Assertions.UserInfo = assertion.Rules(raw) }), env)
		res, err := p.Verify(t.Context(), basic("alice", "wonderland").Build())
		got := res.Verdict.String()
		if err != nil {
			got = "error"
		}
		if got != want || (len(warned) > 0) != (want == "error") {
			t.Errorf("%s: Verify = %v %v, warned %v, want %s", raw, res.Verdict, err, warned, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   *fake
		change func(*Config)
		want   string
	}{
		{"wrong service bind", &fake{}, func(c *Config) { c.Connection.BindCredentials = "wr0ng" }, "bindDN: LDAP Result Code 49"},
		{"no service to bind as", &fake{}, func(c *Config) { c.Connection.BindDN = "cn=nobody" }, "bindDN: LDAP Result Code 49"},
		{"search refused", &fake{codes: map[string]uint16{"(uid=alice)": ldap.LDAPResultInsufficientAccessRights}}, nil, "user search: LDAP Result Code 50"},
		{"groups refused", &fake{codes: map[string]uint16{"(cn=*)": ldap.LDAPResultInsufficientAccessRights}}, func(c *Config) {
			c.Connection.GroupSearchBase, c.Connection.GroupSearchFilter = "dc=test", "cn=*"
		}, "group search: LDAP Result Code 50"},
		{"passwords only over TLS", &fake{bindCodes: map[string]uint16{aliceDN: ldap.LDAPResultConfidentialityRequired}}, nil, "bind: LDAP Result Code 13"},
		{"no time", &fake{bindCodes: map[string]uint16{aliceDN: ldap.LDAPResultBusy}}, nil, "bind: LDAP Result Code 51"},
		{"StartTLS refused", &fake{}, func(c *Config) { c.Connection.StartTLS = true }, "StartTLS: LDAP Result Code 53"},
		{"no answer", &fake{deaf: true}, func(c *Config) { c.Connection.Timeout = 30 }, "deadline exceeded"},
		{"no answer to StartTLS", &fake{deaf: true}, func(c *Config) { c.Connection.Timeout, c.Connection.StartTLS = 30, true }, "deadline exceeded"},
		{"no answer to TLS", &fake{deaf: true}, func(c *Config) {
			c.Connection.URL = plugins.List{strings.Replace(c.Connection.URL[0], "ldap:", "ldaps:", 1)}
			c.Connection.ConnectTimeout = 30
		}, "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, tt.fake)
			p := build(t, config(f, tt.change))
			for range 2 {
				res, err := p.Verify(t.Context(), basic("alice", "wonderland").Build())
				if err == nil || !strings.Contains(err.Error(), tt.want) || res.Verdict == plugins.Allow {
					t.Errorf("Verify = %v, %v, want an error with %q", res.Verdict, err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "t0ps3cret") {
					t.Errorf("error %v holds a password", err)
				}
			}
			if strings.HasPrefix(tt.name, "StartTLS") && slices.ContainsFunc(f.log(), func(l string) bool { return !strings.HasSuffix(l, "extended") }) {
				t.Error("something was sent without TLS")
			}
		})
	}
}

// Whoever writes into one answer must not write into the next.
func TestAnswersShareNothing(t *testing.T) {
	p := build(t, config(serve(t, &fake{}), nil))
	r := plugintest.Request{}.Build()
	first, _ := p.Verify(t.Context(), r)
	first.Header.Add("WWW-Authenticate", "Bearer")
	second, _ := p.Verify(t.Context(), r)
	if len(second.Header) != 1 || len(second.Header["Www-Authenticate"]) != 1 {
		t.Errorf("second answer = %v, want one challenge", second.Header)
	}
}

func BenchmarkVerify(b *testing.B) {
	env := plugintest.Env(b)
	env.Now = time.Now
	p := buildIn(b, config(serve(b, &fake{}), nil), env)
	r := basic("alice", "wonderland").Build()
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if res, err := p.Verify(b.Context(), r); err != nil || res.Verdict != plugins.Allow {
				b.Fatalf("Verify = %v, %v", res.Verdict, err)
			}
		}
	})
}
